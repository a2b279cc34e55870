import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { checkName, checkRoom, nameKey } from "../../../examples/chat/names.ts";

const problemOf = (given: string) => {
  const result = checkName(given);
  return "problem" in result ? result.problem : undefined;
};
const nameOf = (given: string) => {
  const result = checkName(given);
  return "name" in result ? result.name : undefined;
};

Deno.test("checkName() takes names of every script, and emoji", () => {
  const names = [
    "Ann",
    "o'neill",
    "jean-luc",
    "Ann_Lee",
    "R2D2",
    "42",
    "_",
    "dot.dot",
    "Zoë",
    "Ольга",
    "Ελένη",
    "小明",
    "たろう",
    "민준",
    "محمد",
    "שרה",
    "สมชาย",
    "प्रिया",
    "می\u200cخواهم",
    "👍",
    "👩‍👩‍👧‍👦",
    "👋🏽",
    "🇫🇷",
    "❤️",
    "a".repeat(32),
    "👩‍👩‍👧‍👦".repeat(32),
    "left-handed",
    "Cleft",
    "冰🧊",
    "Ali",
    "O’Brien",
    "D'Artagnan",
    "François",
    "Jürgen",
    "Åsa",
    "Łukasz",
    "Þór",
    "Nguyễn",
    "Đặng",
    "Trần_Thị_Ánh",
    "李小龙",
    "陳大文",
    "山田タロウ",
    "さくらSakura",
    "ジョン・スミス",
    "김철수",
    "박지성7",
    "عبد_الله",
    "فاطمة",
    "דוד",
    "יצחק",
    "राहुल",
    "अनुष्का",
    "வித்யா",
    "ศิริพร",
    "Анна",
    "Вера",
    "ЕВА",
    "Наталья",
    "Ирина-2",
    "Ґанна",
    "Γιώργος",
    "Νίκος",
    "Μαρία",
    "Αθηνά",
    "Հայկ",
    "გიორგი",
    "Yağmur",
    "Iğdır",
    "İpek",
    "🐱",
    "Ann🎉",
  ];
  for (const name of names) assertEquals(nameOf(name), name.normalize("NFC"), name);
});

Deno.test("checkName() removes invisible characters, and blanks at the ends", () => {
  assertEquals(nameOf("  Bob\t"), "Bob");
  assertEquals(nameOf("\ufeffBob"), "Bob");
  assertEquals(nameOf("b\u200bob"), "bob");
  assertEquals(nameOf("\u202eBob\u2066"), "Bob");
  assertEquals(nameOf("b\u00ado\u2060b"), "bob");
  assertEquals(nameOf("b\u200do\u200cb"), "bob");
  assertEquals(nameOf("Bo\u0301b"), "Bób");
});

Deno.test("checkName() names the problem of a name", () => {
  const table: [string, string][] = [
    ["", "name-empty"],
    ["   ", "name-empty"],
    ["\u200b\u2060", "name-empty"],
    ["\u3164", "name-empty"],
    ["a".repeat(33), "name-long"],
    ["👍".repeat(33), "name-long"],
    ["a" + "\u0301".repeat(10_000), "name-long"],
    ["Ann Lee", "name-space"],
    ["Ann\u00a0Lee", "name-space"],
    ["Ann\u3000Lee", "name-space"],
    ["Bob joined", "name-reserved"],
    ["Ann:", "name-character"],
    ["Ann：hi", "name-character"],
    ["a∶b", "name-character"],
    ["a꞉b", "name-character"],
    ["a⦂b", "name-character"],
    ["a፡b", "name-character"],
    ["a,b", "name-character"],
    ["a、b", "name-character"],
    ["*", "name-character"],
    ["＊", "name-character"],
    ["∗Ann", "name-character"],
    ["A*", "name-character"],
    ["\u2800", "name-character"],
    ["Bob\x07", "name-character"],
    ["Bob\x1b[31m", "name-character"],
    ["a" + "\u0301".repeat(6), "name-character"],
    ["[private]", "name-start"],
    ["-Ann", "name-start"],
    ["#lobby", "name-start"],
    ["/quit", "name-start"],
    ["@Ann", "name-start"],
    ["\u0301a", "name-start"],
    ["Annа", "name-scripts"],
    ["Οlga", "name-scripts"],
    ["NINA\u0410", "name-scripts"],
    ["ΝΙΝΑ", "name-lookalike"],
    ["\u017fred", "name-lookalike"],
    ["server", "name-reserved"],
    ["\u0251dmin", "name-reserved"],
    ["adrnin", "name-reserved"],
    ["ALL", "name-reserved"],
    ["Iobby", "name-reserved"],
    ["SERVER", "name-reserved"],
    ["Ｓｅｒｖｅｒ", "name-reserved"],
    ["s\u200berver", "name-reserved"],
    ["sеrvеr", "name-reserved"],
    ["_server_", "name-reserved"],
    ["system", "name-reserved"],
    ["joined", "name-reserved"],
    ["left", "name-reserved"],
    ["Bob_joined", "name-reserved"],
    ["Bob.left", "name-reserved"],
    ["系统", "name-reserved"],
    ["小明加入了", "name-reserved"],
    ["小明离开了", "name-reserved"],
  ];
  for (const [given, problem] of table) {
    assertEquals(problemOf(given), problem, JSON.stringify(given));
  }
});

Deno.test("checkName() suggests the name without its spaces", () => {
  assertEquals(checkName("Ann  Lee"), { problem: "name-space", suggestion: "Ann_Lee" });
  assertEquals(checkName("Bob joined"), { problem: "name-reserved" });
});

Deno.test("nameKey() is equal for names that look the same", () => {
  const same: [string, string][] = [
    ["Bob", "bob"],
    ["Bob", "ＢＯＢ"],
    ["Bob", "b\u200bob"],
    ["Bob", "𝐁𝐨𝐛"],
    ["Bob", "B\u00adob"],
    ["Bob", "Ⓑⓞⓑ"],
    ["Bob", "Воb"],
    ["Tom", "Тоm"],
    ["Kate", "\u212aate"],
    ["straße", "STRASSE"],
    ["straße", "STRAẞE"],
    ["Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"],
    ["Zoë", "Zoe\u0308"],
    ["ﬁona", "fiona"],
    ["Ann", "Αnn"],
  ];
  for (const [one, other] of same) assertEquals(nameKey(one), nameKey(other), `${one} ${other}`);
  const different: [string, string][] = [
    ["Bob", "Rob"],
    ["Zoe", "Zoë"],
    ["小明", "小红"],
    ["Ольга", "Оля"],
    ["👍", "👎"],
    ["👋🏽", "👋🏿"],
  ];
  for (const [one, other] of different) assertNotEquals(nameKey(one), nameKey(other));
});

Deno.test("checkName() gives names that cannot be misread, and takes them again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (given) => {
      const result = checkName(given);
      if (!("name" in result)) return;
      const { name, key } = result;
      assert(!/[\s:*,\p{Cc}\p{Zs}\p{Bidi_Control}\p{Cs}]/u.test(name), name);
      assert(/[^\p{Default_Ignorable_Code_Point}\p{M}]/u.test(name), name);
      assertEquals(checkName(name), result);
      assertEquals(nameKey(name), key);
      assertEquals(nameKey(key), key);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("checkName() gives the same key for every case of plain names", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_äöüéßа-яА-Яα-ωΑ-Ω-]{1,20}$/), (name) => {
      assertEquals(nameKey(name), nameKey(name.toUpperCase()));
      assertEquals(nameKey(name), nameKey(name.toLowerCase()));
    }),
  );
});

Deno.test("checkRoom() refuses names that could be taken for another room", () => {
  assertEquals(checkRoom("#tеam"), undefined);
  assertEquals(checkRoom("#ΝΙΝΑ"), undefined);
  assertEquals(checkRoom("#TEAM")?.key, checkRoom("#team")?.key);
  assertEquals(checkRoom("#l0bby")?.key, "lobby");
});

Deno.test("checkRoom() takes letters and digits of every script, with or without #", () => {
  assertEquals(checkRoom("#tea"), { name: "tea", key: "tea" });
  assertEquals(checkRoom(" Tea-2_x "), { name: "Tea-2_x", key: "tea-2_x" });
  assertEquals(checkRoom("＃茶馆")?.name, "茶馆");
  for (
    const bad of ["", "#", "##a", "a b", "a:b", "-", "_", "a/b", "a".repeat(33), "a\x00", "🎉"]
  ) {
    assertEquals(checkRoom(bad), undefined, bad);
  }
});

Deno.test("blanks, colons and hosts of other scripts are no names", () => {
  for (
    const name of ["Bob\u{13441}joined", "\u{1D159}", "Bob\uA4FD", "Bob\u1803", "管理員", "系統"]
  ) {
    assert("problem" in checkName(name), JSON.stringify(name));
  }
});
