import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DotDecoder, DotEncoder } from "../../../net/mail/dot_codec.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

function encode(...parts: string[]): string {
  const encoder = new DotEncoder();
  return parts.map((part) => text(encoder.push(bytes(part)))).join("") + text(encoder.end());
}

/** The text, whether it has ended, and what came behind it. */
function decode(...parts: Uint8Array[]): [string, boolean, string] {
  const decoder = new DotDecoder();
  let out = "";
  for (const [i, part] of parts.entries()) {
    const { data, done, rest } = decoder.push(part);
    out += text(data);
    if (done) return [out, true, text(rest) + parts.slice(i + 1).map(text).join("")];
  }
  return [out, false, ""];
}

Deno.test("every line end is CRLF, dots are doubled, the end is a line of its own", () => {
  const cases: [string, string][] = [
    ["", ".\r\n"],
    ["a", "a\r\n.\r\n"],
    ["a\r\n", "a\r\n.\r\n"],
    ["a\nb\rc\r\n", "a\r\nb\r\nc\r\n.\r\n"],
    [".", "..\r\n.\r\n"],
    ["..\n.", "...\r\n..\r\n.\r\n"],
    ["a.b\n", "a.b\r\n.\r\n"],
    ["\n\n", "\r\n\r\n.\r\n"],
    ["\r.\r\n", "\r\n..\r\n.\r\n"],
    ["a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"],
    ["a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n"],
  ];
  for (const [plain, sent] of cases) {
    assertEquals(encode(plain), sent, JSON.stringify(plain));
    assertEquals(encode(...plain), sent, `${JSON.stringify(plain)}, letter by letter`);
  }
});

Deno.test("a text ends with its dot alone, wherever it is cut", () => {
  const cases: [string, string, boolean, string][] = [
    [".\r\n", "", true, ""],
    ["a\r\n.\r\n+OK", "a\r\n", true, "+OK"],
    ["..\r\n.\r\n", ".\r\n", true, ""],
    [".a\r\n.\r\n", "a\r\n", true, ""],
    ["a\n.\n.\r\n", "a\n.\n.\r\n", false, ""],
    ["a\r.\r\n.\r\n", "a\r.\r\n", true, ""],
    [".\rx\r\n.\r\n", "\rx\r\n", true, ""],
    ["a\r\n..", "a\r\n.", false, ""],
    ["a\r\r\n.\r\n", "a\r\r\n", true, ""],
  ];
  for (const [sent, plain, done, rest] of cases) {
    assertEquals(decode(bytes(sent)), [plain, done, rest], JSON.stringify(sent));
    const single = Array.from(bytes(sent), (byte) => new Uint8Array([byte]));
    assertEquals(decode(...single), [plain, done, rest], `${JSON.stringify(sent)}, byte by byte`);
  }
});

Deno.test("with bareLf, LF alone ends a line and a text, wherever it is cut", () => {
  const cases: [string, string, boolean, string][] = [
    [".\n", "", true, ""],
    ["a\n.\n+OK", "a\r\n", true, "+OK"],
    ["..\n.a\n.\n", ".\r\na\r\n", true, ""],
    ["a\r\n.\r\n", "a\r\n", true, ""],
    ["a\rb\r\r\n.\rx\n.\n", "a\rb\r\r\n\rx\r\n", true, ""],
    ["a\n.", "a\r\n", false, ""],
  ];
  for (const [sent, plain, done, rest] of cases) {
    for (const parts of [[sent], [...sent]]) {
      const decoder = new DotDecoder({ bareLf: true });
      const results = parts.map((part) => decoder.push(bytes(part)));
      const at = results.findIndex((result) => result.done);
      const used = at === -1 ? results : results.slice(0, at + 1);
      assertEquals(used.map(({ data }) => text(data)).join(""), plain, JSON.stringify(sent));
      assertEquals(used.at(-1)?.done, done);
      if (parts.length === 1) assertEquals(text(used[0]!.rest), rest);
    }
  }
});

Deno.test("a decoded text takes memory for itself, and not for what follows it", () => {
  const chunk = bytes(`small\r\n.\r\n${"x".repeat(100_000)}`);
  const { data } = new DotDecoder().push(chunk);
  assertEquals([data.length, data.buffer.byteLength < 20], [7, true]);
});

Deno.test("what is encoded is decoded, in parts of any size", () => {
  const piece = fc.constantFrom("a", ".", "\r", "\n", "\r\n", "z", "..\r\n.");
  fc.assert(
    fc.property(fc.array(fc.array(piece)), fc.integer({ min: 1, max: 9 }), (parts, size) => {
      const plain = parts.map((part) => part.join(""));
      const sent = bytes(encode(...plain));
      const cut: Uint8Array[] = [];
      for (let i = 0; i < sent.length; i += size) cut.push(sent.subarray(i, i + size));
      const whole = plain.join("").replace(/\r\n|\r|\n/g, "\r\n");
      const encoder = new DotEncoder();
      for (const part of plain) encoder.push(bytes(part));
      assertEquals(encoder.size, whole.length);
      const ended = whole === "" || whole.endsWith("\r\n") ? whole : `${whole}\r\n`;
      assertEquals(decode(...cut), [ended, true, ""]);
    }),
  );
});
