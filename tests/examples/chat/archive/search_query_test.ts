import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  MAX_WORD,
  MAX_WORDS,
  parseSearch,
} from "../../../../examples/chat/archive/search_query.ts";

const NOTHING = { words: [], from: [], in: [], badDates: [], isEmpty: true };

Deno.test("parseSearch() splits words, phrases and filters", () => {
  assertEquals(
    parseSearch('deploy "to production" from:ann in:#team after:2026-11-01 before:2026-12-01 now'),
    {
      words: ["deploy", "to production", "now"],
      from: ["ann"],
      in: ["team"],
      after: Date.UTC(2026, 10, 1),
      before: Date.UTC(2026, 11, 1),
      badDates: [],
      isEmpty: false,
    },
  );
});

Deno.test("parseSearch() reads Chinese quotes, colons and names", () => {
  const { words, from, in: rooms } = parseSearch(
    "“下午 开会” 「周报」 from：＠小明 IN：＃项目组 部署",
  );
  assertEquals([words, from, rooms], [["下午 开会", "周报", "部署"], ["小明"], ["项目组"]]);
});

Deno.test("parseSearch() takes the narrowest of several dates", () => {
  const { after, before } = parseSearch(
    "after:2026-01-01 after:2026-02-01 before:2026-06-01 before:2026/5/1",
  );
  assertEquals([after, before], [Date.UTC(2026, 1, 1), Date.UTC(2026, 4, 1)]);
});

Deno.test("parseSearch() counts days in the time zone of the user", () => {
  const { after } = parseSearch("after:2026-11-30", 8 * 60);
  assertEquals(new Date(after!).toISOString(), "2026-11-29T16:00:00.000Z");
});

Deno.test("parseSearch() reports dates that do not exist", () => {
  for (const bad of ["2026-02-30", "2026-13-01", "yesterday", "2026", "20261130", "0000-00-00"]) {
    assertEquals(parseSearch(`x after:${bad}`).badDates, [bad]);
  }
});

Deno.test("parseSearch() takes other colons, and filters without a value, as words", () => {
  assertEquals(parseSearch("https://a.b/c foo:bar from: check-in:now").words, [
    "https://a.b/c",
    "foo:bar",
    "from:",
    "check-in:now",
  ]);
  assertEquals(parseSearch('"from:ann"').words, ["from:ann"]);
  assertEquals(parseSearch('from:"Ann Lee"').from, ["Ann Lee"]);
});

Deno.test("parseSearch() knows a search for nothing", () => {
  for (const line of ["", "   ", '""', '"', "from:@", "in:#", "\0\x1b"]) {
    assertEquals(parseSearch(line), NOTHING, JSON.stringify(line));
  }
  assertEquals(parseSearch("from:ann").isEmpty, false);
});

Deno.test("parseSearch() bounds the number and the size of words", () => {
  const { words } = parseSearch(`${"x".repeat(1000)} ${"ab ".repeat(1000)}`);
  assertEquals([words.length, words[0]!.length], [MAX_WORDS, MAX_WORD]);
});

Deno.test("parseSearch() accepts every line, and returns words that a message can contain", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom('"', "“", "from:", "in：", "before:", "#", " ", "a", "2026-01-01"))
      .map(
        (parts) => parts.join(""),
      ),
  );
  fc.assert(fc.property(line, (text) => {
    const { words, from, in: rooms, badDates } = parseSearch(text);
    for (const value of [...words, ...from, ...rooms, ...badDates]) {
      assert(value !== "" && !/\p{Cc}/u.test(value) && [...value].length <= MAX_WORD);
    }
  }));
});
