import { CHUNK_END, chunkLine, lastChunk } from "../../../http/internal/chunk_framing.ts";
import { assertEquals } from "@std/assert";

Deno.test("chunkLine() is the size in hexadecimal", () => {
  assertEquals([1, 15, 16, 255, 65536].map(chunkLine), [
    "1\r\n",
    "f\r\n",
    "10\r\n",
    "ff\r\n",
    "10000\r\n",
  ]);
});

Deno.test("lastChunk() ends a body, with and without trailers", () => {
  assertEquals(lastChunk(), "0\r\n\r\n");
  assertEquals(lastChunk("Expires: 0\r\nDigest: x\r\n"), "0\r\nExpires: 0\r\nDigest: x\r\n\r\n");
  assertEquals(`${chunkLine(2)}ab${CHUNK_END}${lastChunk()}`, "2\r\nab\r\n0\r\n\r\n");
});
