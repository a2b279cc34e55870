import { assertEquals } from "@std/assert";
import { count, listSome, nearest, quote, showTime, wrap } from "../../../tools/internal/text.ts";

Deno.test("listSome() lists the first texts, and the number of more than one other", () => {
  assertEquals(listSome([]), "");
  assertEquals(listSome(["a", "b", "c", "d", "e"]), "a, b, c, d, e");
  assertEquals(listSome(["a", "b", "c", "d", "e", "f"]), "a, b, c, d and 2 more");
  assertEquals(listSome(["a", "b", "c"], 1), "a and 2 more");
});

Deno.test("quote() escapes and shortens a value", () => {
  assertEquals(quote('a"\\\x1b'), '"a\\"\\\\\\x1B"');
  assertEquals(quote("abcd", 3), '"abc…"');
  // A character of two units is one character.
  assertEquals(quote("😀😀", 2), '"😀😀"');
});

Deno.test("nearest() finds a word with a typo, and nothing that only looks alike", () => {
  const words = ["timeout", "verbose", "json"];
  const rows: [word: string, found: string | undefined][] = [
    ["timeot", "timeout"],
    ["tiemout", "timeout"], // two letters swapped
    ["verb", "verbose"], // the beginning of a word
    ["jsn", "json"],
    ["xml", undefined],
    ["t", undefined],
    ["json".repeat(17), undefined],
  ];
  for (const [word, found] of rows) assertEquals(nearest(word, words), found, word);
  assertEquals(nearest("a", []), undefined);
});

Deno.test("showTime() has three digits, and count() a plural", () => {
  const times = [0.421, 7.1, 9.996, 99.96, 312, 999.6, 3100, 9999.6];
  assertEquals(times.map(showTime), [
    ...["0.42 ms", "7.10 ms", "10.0 ms", "100 ms"],
    ...["312 ms", "1.0 s", "3.1 s", "10 s"],
  ]);
  assertEquals([0, 1, 2].map((number) => count(number, "hop")), ["0 hops", "1 hop", "2 hops"]);
});

Deno.test("wrap() counts the columns of a terminal", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("wait 20 ms", 7), ["wait", "20 ms"]);
  assertEquals(wrap("abcdef", 4), ["abcd", "ef"]);
  // Wide characters take two columns; combining marks and half-width kana do not.
  assertEquals(wrap("日本語", 4), ["日本", "語"]);
  assertEquals(wrap("ｱｲｳ", 3), ["ｱｲｳ"]);
  assertEquals(wrap("e\u0301e\u0301", 2), ["e\u0301e\u0301"]);
  assertEquals(wrap("\u200dab", 2), ["\u200dab"]);
  assertEquals(wrap("", 4), [""]);
});
