import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeLine, type LineScan, scanLine } from "../../../net/connection/line_codec.ts";

const encoder = new TextEncoder();

function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

Deno.test("scanLine() finds the end of the first line", () => {
  const rows: Array<[string, number, LineScan]> = [
    ["", 80, { type: "partial" }],
    ["abc", 80, { type: "partial" }],
    ["abc\r", 80, { type: "partial" }],
    ["\n", 80, { type: "line", end: 0, next: 1 }],
    ["\r\n", 80, { type: "line", end: 0, next: 2 }],
    ["abc\n", 80, { type: "line", end: 3, next: 4 }],
    ["abc\r\n", 80, { type: "line", end: 3, next: 5 }],
    ["abc\ndef\n", 80, { type: "line", end: 3, next: 4 }],
    ["abc\n\r", 80, { type: "line", end: 3, next: 4 }],
    // Only one CR belongs to the end; a CR elsewhere is text.
    ["abc\r\r\n", 80, { type: "line", end: 4, next: 6 }],
    ["a\rb\n", 80, { type: "line", end: 3, next: 4 }],
    ["\r\r", 80, { type: "partial" }],
    ["\0\n", 80, { type: "line", end: 1, next: 2 }],
    ["ä\n", 80, { type: "line", end: 2, next: 3 }],
  ];
  for (const [text, max, expected] of rows) {
    assertEquals(scanLine(bytes(text), 0, max), expected, JSON.stringify(text));
  }
});

Deno.test("scanLine() allows exactly the maximum, however the line ends", () => {
  const rows: Array<[string, LineScan["type"]]> = [
    ["1234", "partial"],
    ["1234\r", "partial"],
    ["1234\n", "line"],
    ["1234\r\n", "line"],
    ["12345", "overflow"],
    ["1234\r\r", "overflow"],
    ["12345\r", "overflow"],
    ["12345\n", "overlong"],
    ["12345\r\n", "overlong"],
    ["1234\r\r\n", "overlong"],
  ];
  for (const [text, type] of rows) {
    assertEquals(scanLine(bytes(text), 0, 4).type, type, JSON.stringify(text));
  }
});

Deno.test("scanLine() says where the line after an overlong one starts", () => {
  const buffer = bytes("12345\r\nnext\n");
  assertEquals(scanLine(buffer, 0, 4), { type: "overlong", next: 7 });
  assertEquals(scanLine(buffer.subarray(7), 0, 4), { type: "line", end: 4, next: 5 });
});

Deno.test("scanLine() goes on where it left off, but sees the CR before", () => {
  assertEquals(scanLine(bytes("abc\r\n"), 4, 80), { type: "line", end: 3, next: 5 });
  assertEquals(scanLine(bytes("abc\n"), 3, 80), { type: "line", end: 3, next: 4 });
  assertEquals(scanLine(bytes("abc"), 3, 80), { type: "partial" });
  // What it was told to skip it does not look at.
  assertEquals(scanLine(bytes("a\nb\n"), 2, 80), { type: "line", end: 3, next: 4 });
});

Deno.test("scanLine() works on a view into a larger buffer", () => {
  const view = bytes("xx\nabc\nyy").subarray(3, 7);
  assertEquals(scanLine(view, 0, 80), { type: "line", end: 3, next: 4 });
});

/** Feeds chunks through scanLine() as a reader with a buffer does. */
function readLines(chunks: readonly Uint8Array[], max: number): Array<string | null> {
  const lines: Array<string | null> = [];
  let buffer = new Uint8Array(0);
  let scanned = 0;
  let skipping = false;
  for (const chunk of chunks) {
    const joined = new Uint8Array(buffer.length + chunk.length);
    joined.set(buffer);
    joined.set(chunk, buffer.length);
    buffer = joined;
    while (true) {
      if (skipping) {
        const lf = buffer.indexOf(0x0a);
        if (lf === -1) {
          buffer = new Uint8Array(0);
          break;
        }
        buffer = buffer.slice(lf + 1);
        skipping = false;
      }
      const scan = scanLine(buffer, scanned, max);
      if (scan.type === "partial") {
        scanned = buffer.length;
        break;
      }
      scanned = 0;
      if (scan.type === "overflow") {
        lines.push(null);
        skipping = true;
        continue;
      }
      lines.push(scan.type === "line" ? decodeLine(buffer.subarray(0, scan.end)) : null);
      buffer = buffer.slice(scan.next);
    }
    assert(buffer.length <= max + 1, "what is kept is not bounded");
  }
  return lines;
}

/** The same by a plain reading of the rule; null stands for a line above the maximum. */
function expectedLines(input: Uint8Array, max: number): Array<string | null> {
  const text = Array.from(input, (byte) => String.fromCharCode(byte)).join("");
  return text.split("\n").slice(0, -1).map((line) => {
    const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
    return bare.length > max
      ? null
      : decodeLine(Uint8Array.from(bare, (character) => character.charCodeAt(0)));
  });
}

/** Cuts bytes at the given places. */
function cut(input: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map((n) => n % (input.length + 1)))].sort((a, b) => a - b);
  return [...places, input.length].map((end, i) => input.subarray(places[i - 1] ?? 0, end));
}

const input = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0x0a, 0x0d, 0x61) },
    fc.integer({ min: 0, max: 255 }),
  ),
  { maxLength: 60 },
).map((values) => Uint8Array.from(values));

Deno.test("any bytes cut anywhere give the same lines", () => {
  const max = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(input, fc.array(fc.nat()), max, (input, at, max) => {
      const lines = readLines(cut(input, at), max);
      const expected = expectedLines(input, max);
      // A last line without its end may already be known to be too long.
      if (lines.length > expected.length) assertEquals(lines.pop(), null);
      assertEquals(lines, expected);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("one byte at a time gives the same lines", () => {
  fc.assert(fc.property(input, (input) => {
    const single = Array.from(input, (byte) => Uint8Array.of(byte));
    assertEquals(readLines(single, 1000), expectedLines(input, 1000));
  }));
});

Deno.test("decodeLine() reads UTF-8 and keeps what is there", () => {
  const rows: Array<[number[], string]> = [
    [[], ""],
    [[0x68, 0x69], "hi"],
    [[0xc3, 0xa4], "ä"],
    [[0xf0, 0x9f, 0x98, 0x80], "😀"],
    [[0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
    [[0x00, 0x0d], "\0\r"],
  ];
  for (const [raw, text] of rows) {
    assertStrictEquals(decodeLine(Uint8Array.from(raw)), text);
    assertStrictEquals(decodeLine(Uint8Array.from(raw), true), text);
  }
});

Deno.test("decodeLine() replaces invalid UTF-8, or refuses it", () => {
  const rows: Array<[number[], string]> = [
    [[0xff], "\ufffd"],
    [[0x61, 0xc3], "a\ufffd"],
    [[0xc0, 0xaf], "\ufffd\ufffd"],
    [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
    [[0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd"],
  ];
  for (const [raw, text] of rows) {
    assertStrictEquals(decodeLine(Uint8Array.from(raw)), text);
    assertThrows(() => decodeLine(Uint8Array.from(raw), true), TypeError);
  }
});

Deno.test("decodeLine() remembers nothing of the line before", () => {
  assertEquals(decodeLine(Uint8Array.of(0xe2, 0x82)), "\ufffd");
  assertEquals(decodeLine(Uint8Array.of(0xac)), "\ufffd");
  assertThrows(() => decodeLine(Uint8Array.of(0xe2, 0x82), true), TypeError);
  assertEquals(decodeLine(bytes("€"), true), "€");
});
