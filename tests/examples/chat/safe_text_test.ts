import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cpuUsage } from "node:process";
import { byteLength, enumerate, isBlank, neutralise } from "../../../examples/chat/safe_text.ts";

Deno.test("neutralise() leaves every script and every emoji as it is", () => {
  const texts = [
    "hello, world! <script>alert(1)</script> & \"quotes\" 'too' `code` \\n",
    "",
    "Grüße, naïve café",
    "Привет",
    "你好，世界。",
    "こんにちは",
    "안녕하세요",
    "مرحبا بالعالم، كيف الحال؟",
    "שלום עולם, בְּרֵאשִׁית בָּרָא",
    "می\u200cخواهم",
    "क्\u200dष क्\u200cष श्री",
    "ශ්\u200dරී ලංකා",
    "ภาษาไทย\u200bคำ",
    "བོད་ཀྱི་སྐད",
    "👍 👋🏽 ❤️ ☺︎ 1️⃣ 👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇯🇵 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "𝕳𝖊𝖑𝖑𝖔 𐍈",
    "a\u0301 e\u0323\u0302",
  ];
  for (const text of texts) assertEquals(neutralise(text), text);
});

Deno.test("neutralise() takes terminal sequences out, whole", () => {
  const table: [string, string][] = [
    ["\x1b[31mred\x1b[0m", "red"],
    ["\x9b31mred", "red"],
    ["\x1b[2J\x1b[1;1Hgone", "gone"],
    ["\x1b[?1049h\x1b[>0;276;0cx", "x"],
    ["\x1b[38:2::1:2:3mx", "x"],
    ["\x1b]0;a title\x07x", "x"],
    ["\x1b]0;a title\x1b\\x", "x"],
    ["\x9d0;a title\x9cx", "x"],
    ["\x1b]8;;http://evil/\x07link\x1b]8;;\x07", "link"],
    ["\x1b]52;c;ZXZpbA==\x07x", "x"],
    ["\x1bP1$r0m\x1b\\x", "x"],
    ["\x1b_apc\x1b\\x\x1b^pm\x1b\\y\x1bXsos\x1b\\z", "xyz"],
    ["\x1bcx\x1b(0y\x1b7z", "xyz"],
    ["\x1b]0;never ends", "0;never ends"],
    ["\x1b", ""],
    ["\x1b[", ""],
    ["a\x1b\x1b[31mb", "ab"],
    // What is left after one sequence is taken out must not become another.
    ["\x1b\x1b[m[31mb", "[31mb"],
    ["\x1b[3\x1b[m1mb", "31mb"],
  ];
  for (const [given, wanted] of table) {
    assertEquals(neutralise(given), wanted, JSON.stringify(given));
  }
});

Deno.test("neutralise() leaves one line without controls or changes of direction", () => {
  const table: [string, string][] = [
    ["safe\b\b\b\bevil", "safeevil"],
    ["bell\x07", "bell"],
    ["a\0b\x7fc\x80d", "abcd"],
    ["over\rwritten", "over written"],
    ["a\r\nBob joined", "a Bob joined"],
    ["a\u2028b\u2029c\u0085d\ve\ff", "a b c d e f"],
    ["\tindented", "    indented"],
    ["\u202egnp.exe\u202c", "gnp.exe"],
    ["\u2066a\u2067b\u2068c\u2069", "abc"],
    ["\u200ea\u200fb\u061cc", "abc"],
    ["\u206aa\u206fb", "ab"],
    ["\ufeffa\ufff9b", "ab"],
    ["a\u{E0041}\u{E0042}b", "ab"],
    ["lone \ud800 half \udc00", "lone  half "],
  ];
  for (const [given, wanted] of table) {
    assertEquals(neutralise(given), wanted, JSON.stringify(given));
  }
});

Deno.test("neutralise() keeps gaps short, so that nothing of a line passes for another", () => {
  const most = " ".repeat(20);
  assertEquals(neutralise(`${most}code`), `${most}code`);
  assertEquals(neutralise(`x${" ".repeat(75)}Bob left`), `x${most}Bob left`);
  assertEquals(neutralise(`é${"\t".repeat(40)}Bob left`), `é${most}Bob left`);
  for (const blank of ["\u00a0", "\u3000", "\u2800", "\u3164"]) {
    assertEquals(neutralise(`${blank.repeat(75)}Bob left`), `${blank.repeat(20)}Bob left`);
  }
  for (const parting of ["\u200b", "\u2060", "\u00ad", "\ufe0f", "\u{1D159}", "\u{16FE4}"]) {
    const text = neutralise(`${`${most}${parting}`.repeat(4)}Bob left`);
    assertEquals(text, `${most}Bob left`, JSON.stringify(parting));
  }
  for (const kept of ["👩🏽‍🚀 ".repeat(30), "می‌خواهم ".repeat(30)]) {
    assertEquals(neutralise(kept), kept);
  }
});

Deno.test("isBlank() recognises text without visible characters", () => {
  const blank = ["", " ", "\u3000", "\u200b", "\u2060\ufe0f", "\u3164", "\u2800", "\u{E0041}"];
  for (const text of blank) assert(isBlank(text), JSON.stringify(text));
  for (const text of ["a", " .", "\u0301", "👍🏽", "ㅋ"]) {
    assert(!isBlank(text), JSON.stringify(text));
  }
});

Deno.test("neutralise() keeps towers of marks low", () => {
  assertEquals(neutralise("Z" + "\u0301".repeat(500) + "!"), "Z" + "\u0301".repeat(8) + "!");
});

/** Text with many of the characters that matter. */
const nasty = fc.string({
  unit: fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
    fc.constantFrom(
      ..."\x1b \x9b \x9d \x07 \x9c [ ] ; m \\ P \r \n \t \u2028 \u202e \u200d \u0301".split(" "),
      "\u{1F3F4}",
      "\u{E0067}",
      "\u{E007F}",
      "\ud83c",
      "\udff4",
      "a",
      "1",
    ),
  ),
  maxLength: 60,
});

Deno.test("neutralise() gives text without controls, whatever it gets, and never changes it again", () => {
  fc.assert(
    fc.property(nasty, (given) => {
      const text = neutralise(given);
      assert(!/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(text), JSON.stringify(text));
      assert(text.isWellFormed());
      assertEquals(neutralise(text), text);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("neutralise() takes time in proportion to the text", () => {
  // The time of this program alone, whatever else the machine does.
  const started = cpuUsage().user;
  for (
    const piece of ["\x1b]", "\x1b[", "\x1b[1;", "\u{1F3F4}\u{E0067}", "\u0301", "\r", "\x9d\x1b"]
  ) {
    neutralise(piece.repeat(100_000));
  }
  const took = (cpuUsage().user - started) / 1000;
  assert(took < 2000, `${took} ms`);
});

Deno.test("byteLength() counts UTF-8", () => {
  for (const text of ["", "abc", "é", "你好", "👍", "\x7f"]) {
    assertEquals(byteLength(text), new TextEncoder().encode(text).length);
  }
});

Deno.test("enumerate() writes as many names as fit", () => {
  assertEquals(enumerate([]), "");
  assertEquals(enumerate(["Ann"]), "Ann");
  assertEquals(enumerate(["Ann", "Bob"]), "Ann, Bob");
  const many = enumerate(Array.from({ length: 10_000 }, (_, i) => `user${i}`));
  assert(many.length < 5000 && many.endsWith(", …"));
});

Deno.test("two million introducers without an end cost no more than as many letters", () => {
  for (const introducer of ["\x9d", "\x1b]", "\x90"]) {
    // Looking for each one's end through all that follows would take hours.
    assertEquals(neutralise(introducer.repeat(2_000_000)), "");
  }
  assertEquals(neutralise("a\x1b]0;title\x07b"), "ab");
});

Deno.test("marks do not pile up across joiners either", () => {
  const tower = `a${`${"\u0301".repeat(8)}\u200d`.repeat(50)}`;
  assert([...neutralise(tower)].length <= 20);
  for (const kept of ["👩‍👩‍👧‍👦", "🏳️‍🌈", "क्षि", "می‌خواهم"]) assertEquals(neutralise(kept), kept);
});
