import { assertEquals, assertThrows } from "@std/assert";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { decodeWhole } from "../../../http/internal/decompress_whole.ts";
import { joinedBytes } from "../../../net/internal/joined_bytes.ts";

const text = new TextEncoder().encode("a text that is long enough ".repeat(20));
const bytes = (buffer: Uint8Array) => new Uint8Array(buffer);
const CODED: readonly (readonly [coding: string, body: Uint8Array<ArrayBuffer>])[] = [
  ["gzip", bytes(gzipSync(text))],
  ["x-gzip", bytes(gzipSync(text))],
  ["deflate", bytes(deflateSync(text))],
  ["deflate", bytes(deflateRawSync(text))],
  ["br", bytes(brotliCompressSync(text))],
  ["zstd", bytes(zstdCompressSync(text))],
];

function codeOf(work: () => unknown): unknown {
  return (assertThrows(work) as { code?: unknown }).code;
}

Deno.test("decodeWhole() decodes every coding, and ignores what follows", () => {
  for (const [coding, body] of CODED) {
    assertEquals(decodeWhole(body, [coding], 10_000), text, coding);
    const more = joinedBytes([body, new TextEncoder().encode("garbage")]);
    assertEquals(decodeWhole(more, [coding], 10_000), text, coding);
    assertEquals(decodeWhole(body, [coding], text.length - 1), undefined, coding);
  }
  const twice = bytes(zstdCompressSync(gzipSync(text)));
  assertEquals(decodeWhole(twice, ["zstd", "gzip"], 10_000), text);
});

Deno.test("decodeWhole() reports every cut of every coding", () => {
  for (const [coding, body] of CODED) {
    for (let size = 1; size < body.length; size++) {
      assertEquals(
        codeOf(() => decodeWhole(body.slice(0, size), [coding], 10_000)),
        "Z_BUF_ERROR",
        `${coding} ${size} of ${body.length}`,
      );
    }
  }
});

Deno.test("decodeWhole() reads the optional parts of a gzip header, and all members", () => {
  const plain = bytes(gzipSync(text));
  const [extra, name, comment] = [[3, 0, 1, 2, 3], [97, 0], [98, 99, 0]];
  const head = [...plain.slice(0, 3), 2 + 4 + 8 + 16, ...plain.slice(4, 10)];
  const full = new Uint8Array([...head, ...extra, ...name, ...comment, 0, 0, ...plain.slice(10)]);
  assertEquals(decodeWhole(full, ["gzip"], 10_000), text);
  const members = joinedBytes([full, plain, new Uint8Array(9)]);
  assertEquals(decodeWhole(members, ["gzip"], 10_000), joinedBytes([text, text]));
  const damaged = plain.slice();
  damaged[plain.length - 6]! ^= 1;
  assertEquals(codeOf(() => decodeWhole(damaged, ["gzip"], 10_000)), "Z_DATA_ERROR");
});

Deno.test("decodeWhole() leaves a gzip of many members to the stream", () => {
  const empty = bytes(gzipSync(new Uint8Array()));
  const [some, many] = [64, 65].map((count) => joinedBytes(Array(count).fill(empty)));
  assertEquals(decodeWhole(some!, ["gzip"], 10_000), new Uint8Array());
  assertEquals(decodeWhole(many!, ["gzip"], 10_000), undefined);
});
