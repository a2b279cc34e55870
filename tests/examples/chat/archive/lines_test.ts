import { assertEquals, assertRejects } from "@std/assert";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";
import { readLines } from "../../../../examples/chat/archive/lines.ts";

function read(chunks: readonly (string | Uint8Array<ArrayBuffer>)[], max = 100): Promise<string[]> {
  const encoder = new TextEncoder();
  const bytes = chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  return Array.fromAsync(readLines(ReadableStream.from(bytes), max));
}

Deno.test("readLines() yields lines that are split in any way", async () => {
  assertEquals(await read(["on", "e\ntwo\r\n", "\nth", "ree"]), ["one", "two", "", "three"]);
  assertEquals(await read([]), []);
  const euro = new TextEncoder().encode("€\n€");
  assertEquals(await read([...euro].map((byte) => new Uint8Array([byte]))), ["€", "€"]);
});

Deno.test("readLines() refuses a line that is too long", async () => {
  const error = await assertRejects(() => read(["ok\n", "x".repeat(101)]), ArchiveError);
  assertEquals([error.kind, error.message], [
    "bad-line",
    "Cannot import line 2: it is too long",
  ]);
});

Deno.test("readLines() refuses what is not UTF-8, also at the end", async () => {
  for (const bytes of [[0x61, 0x0a, 0xff, 0x0a], [0x61, 0x0a, 0xe2, 0x82]]) {
    const error = await assertRejects(() => read([new Uint8Array(bytes)]), ArchiveError);
    assertEquals(error.kind, "bad-line");
  }
});
