import { assertEquals, assertThrows } from "@std/assert";
import { StreamDecoder, utf8Stream } from "../../../net/internal/stream_decoder.ts";

/** Decodes bytes that are cut at a place. */
function decoded(label: string, bytes: readonly number[], cut: number): string {
  const decoder = new StreamDecoder(label);
  const [first, second] = [bytes.slice(0, cut), bytes.slice(cut)].map((part) =>
    Uint8Array.from(part)
  );
  return decoder.decode(first, { stream: true }) + decoder.decode(second, { stream: true }) +
    decoder.decode();
}

Deno.test("StreamDecoder removes the byte order mark, and no other U+FEFF, wherever a text is cut", () => {
  const mark = [0xef, 0xbb, 0xbf];
  for (let cut = 0; cut <= 10; cut++) {
    assertEquals(decoded("utf-8", [...mark, 65, ...mark, 66, ...mark], cut), "A\ufeffB\ufeff");
    assertEquals(decoded("utf-8", [65, ...mark, ...mark, 66], cut), "A\ufeff\ufeffB");
    assertEquals(decoded("utf-8", [...mark, ...mark, 66], cut), "\ufeffB");
    assertEquals(decoded("utf-16le", [0xff, 0xfe, 65, 0, 0xff, 0xfe, 66, 0], cut), "A\ufeffB");
  }
});

Deno.test("StreamDecoder decodes one text after the other, and throws for malformed bytes if asked", () => {
  const decoder = new StreamDecoder("UTF8", { fatal: true });
  const marked = Uint8Array.of(0xef, 0xbb, 0xbf, 65);
  assertEquals([decoder.decode(marked), decoder.decode(marked), decoder.encoding], [
    "A",
    "A",
    "utf-8",
  ]);
  assertThrows(() => decoder.decode(Uint8Array.of(0xff)), TypeError);
  assertThrows(() => new StreamDecoder("nothing"), RangeError);
});

Deno.test("utf8Stream() decodes a stream, also what is cut at its end", async () => {
  const pieces = [[65], [0xef, 0xbb, 0xbf, 66], [0xc3], [0xa4], [0xc3]].map((one) =>
    Uint8Array.from(one)
  );
  const text = await Array.fromAsync(ReadableStream.from(pieces).pipeThrough(utf8Stream()));
  assertEquals(text.join(""), "A\ufeffB\u00e4\ufffd");
});
