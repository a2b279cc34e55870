import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LineSplitter } from "../../../../examples/chat/telnet/line_splitter.ts";

/** Splits a text that arrives in pieces. The memory of a piece is overwritten afterwards. */
function split(text: string, { pieces = text.length, max = 100 } = {}): string[] {
  const lines = new LineSplitter(max);
  const found: string[] = [];
  const add = (line: Uint8Array | "too-long") =>
    found.push(line === "too-long" ? `(${line})` : new TextDecoder().decode(line));
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieces) {
    const piece = bytes.slice(at, at + pieces);
    lines.push(piece);
    for (let line; (line = lines.next()) !== undefined;) add(line);
    piece.fill(0x21);
  }
  const last = lines.end();
  if (last !== undefined) add(last);
  return found;
}

Deno.test("LineSplitter ends lines at LF, CR LF, CR NUL and CR", () => {
  for (const pieces of [100, 1, 2, 3]) {
    assertEquals(split("a\nb\r\nc\r\0d\re\n\r\n\nf", { pieces }), [
      ..."abcde",
      "",
      "",
      "f",
    ], `${pieces}`);
  }
});

Deno.test("LineSplitter reports a line that is too long once, and skips it", () => {
  for (const pieces of [1000, 1, 7]) {
    const text = `${"x".repeat(10)}\r\n${"y".repeat(11)}\nz\n${"y".repeat(50)}\nz\n${
      "y".repeat(30)
    }`;
    assertEquals(split(text, { pieces, max: 10 }), [
      "x".repeat(10),
      "(too-long)",
      "z",
      "(too-long)",
      "z",
      "(too-long)",
    ], `${pieces}`);
  }
});

Deno.test("LineSplitter knows whether a line has begun", () => {
  const lines = new LineSplitter(10);
  assert(!lines.partial);
  lines.push(Uint8Array.of(97));
  assertEquals(lines.next(), undefined);
  assert(lines.partial);
  lines.push(Uint8Array.of(13));
  assertEquals(lines.next(), Uint8Array.of(97));
  assertEquals(lines.next(), undefined);
  assert(!lines.partial);
});

Deno.test("LineSplitter gives the same lines for pieces of any size", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r", "\0"), maxLength: 80 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), (text, pieces) => {
      assertEquals(split(text, { pieces, max: 5 }), split(text, { max: 5 }));
    }),
  );
});
