import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  escapeControls,
  escapeJson,
  lowerAscii,
  parseDigits,
  splitWords,
  trimBlanks,
  upperAscii,
} from "../../net/text.ts";

/** What must not get through: what moves a cursor, begins a line or turns its direction. */
// deno-lint-ignore no-control-regex -- these are the characters in question
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

Deno.test("escapeControls() writes each dangerous character in a visible way", () => {
  const rows: Array<[string, string]> = [
    ["a\nb", "a\\nb"],
    ["a\rb", "a\\rb"],
    ["a\tb", "a\\tb"],
    ["\0", "\\x00"],
    ["\x07", "\\x07"],
    ["\b", "\\x08"],
    ["\x1b[31mred\x1b[0m", "\\x1B[31mred\\x1B[0m"],
    ["\x1b]0;title\x07", "\\x1B]0;title\\x07"],
    ["\x7f", "\\x7F"],
    ["\x85", "\\x85"],
    ["\x9b2J", "\\x9B2J"],
    ["\u061c", "\\u{61C}"],
    ["\u200b", "\\u{200B}"],
    ["\u200e\u200f", "\\u{200E}\\u{200F}"],
    ["\u2028\u2029", "\\u{2028}\\u{2029}"],
    ["\u202a\u202e", "\\u{202A}\\u{202E}"],
    ["\u2066\u2069", "\\u{2066}\\u{2069}"],
    ["\ufeff", "\\u{FEFF}"],
    ["\ufff9", "\\u{FFF9}"],
    ["\ud800", "\\u{D800}"],
    ["\udc00x", "\\u{DC00}x"],
  ];
  for (const [text, escaped] of rows) assertEquals(escapeControls(text), escaped);
});

Deno.test("escapeControls() keeps every script and emoji", () => {
  for (
    const text of [
      "",
      " plain text, 100 % of it \\n",
      "Grüße · 你好 · Привет · שלום · مرحبا · नमस्ते",
      "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
      "می‌خواهم क्‍ष", // Joiners shape Persian and Hindi.
      "e\u0301 \u00ad \u00a0 \ufffd",
      "\u{10ffff}\u{1f600}",
    ]
  ) {
    assertEquals(escapeControls(text), text);
  }
});

Deno.test("escapeControls() leaves nothing dangerous of any text, and the rest as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeControls(text);
      assert(!UNSAFE.test(escaped), JSON.stringify(escaped));
      assertEquals(escaped.isWellFormed(), true);
      assertEquals(escapeControls(escaped), escaped);
      if (!UNSAFE.test(text) && !/[\ufff9-\ufffb]/.test(text)) assertEquals(escaped, text);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("escapeControls() sees every single character of the dangerous blocks", () => {
  for (let code = 0; code < 0x10000; code++) {
    const character = String.fromCharCode(code);
    if (UNSAFE.test(character)) assert(!UNSAFE.test(escapeControls(character)), code.toString(16));
  }
});

Deno.test("escapeJson() makes JSON of the same value without a dangerous character", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const json = JSON.stringify(value);
      const escaped = escapeJson(json);
      assert(!UNSAFE.test(escaped), escaped);
      assertEquals(JSON.parse(escaped), JSON.parse(json));
    }),
    { numRuns: 500 },
  );
});

Deno.test("escapeJson() escapes what JSON.stringify() leaves", () => {
  assertEquals(
    escapeJson(JSON.stringify("\x7f\x9b\u2028\u202e")),
    '"\\u007f\\u009b\\u2028\\u202e"',
  );
  assertEquals(escapeJson('{"a":1}'), '{"a":1}');
  assertEquals(escapeJson(JSON.stringify({ "k\u202e": "👍🏽" })), '{"k\\u202e":"👍🏽"}');
});

/** What JavaScript takes for a blank and no protocol does. */
const NO_BLANKS = [
  ..."\n\v\f\r\u00a0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
];

Deno.test("trimBlanks() removes SP and HTAB alone", () => {
  assertEquals(trimBlanks(" \t a \t b\t "), "a \t b");
  assertEquals(["", " ", "\t\t", "a"].map(trimBlanks), ["", "", "", "a"]);
  for (const other of NO_BLANKS) {
    assertEquals("a", `${other}a${other}`.trim());
    assertEquals(trimBlanks(` ${other}a${other} `), `${other}a${other}`);
  }
});

Deno.test("splitWords() splits at SP and HTAB alone", () => {
  assertEquals(splitWords(" a \t b\tc"), ["a", "b", "c"]);
  assertEquals(["", " \t", "a"].map(splitWords), [[], [], ["a"]]);
  for (const other of NO_BLANKS) {
    assertEquals(splitWords(`a${other}b c`), [`a${other}b`, "c"]);
  }
});

Deno.test("lowerAscii() and upperAscii() change the letters of ASCII alone", () => {
  assertEquals(lowerAscii("AZ az 09 [`{"), "az az 09 [`{");
  assertEquals(upperAscii("AZ az 09 [`{"), "AZ AZ 09 [`{");
  // Each of these becomes a letter of ASCII, or another number of characters, in JavaScript.
  for (const other of "\u212a\u0130\u0131\u017f\u00df\ufb01\ufb06\u00c4\u00e4\u0149") {
    assertEquals(lowerAscii(`Z${other}`), `z${other}`);
    assertEquals(upperAscii(`z${other}`), `Z${other}`);
  }
});

Deno.test("parseDigits() reads digits of ASCII alone", () => {
  assertEquals(["0", "7", "00012", "999999999999999"].map((text) => parseDigits(text)), [
    ...[0, 7, 12, 999_999_999_999_999],
  ]);
  const none = [
    "",
    " ",
    " 1",
    "1 ",
    "+1",
    "-1",
    "1.0",
    "1e3",
    "0x1",
    "1_0",
    "\u0661",
    "\uff11",
    "1n",
  ];
  for (const text of none) assertEquals(parseDigits(text), undefined, JSON.stringify(text));
  assertEquals(parseDigits("1000000000000000"), undefined);
  assertEquals([parseDigits("12", 2), parseDigits("012", 2)], [12, undefined]);
});

Deno.test("parseDigits() reads back every whole number of up to 15 digits", () => {
  fc.assert(fc.property(fc.nat({ max: 999_999_999_999_999 }), (number) => {
    assertEquals(parseDigits(`${number}`), number);
  }));
});
