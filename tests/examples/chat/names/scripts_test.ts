import { assert, assertEquals } from "@std/assert";
import { fitsTogether } from "../../../../examples/chat/names/scripts.ts";

Deno.test("fitsTogether() accepts one script, and the mixtures of Chinese, Japanese and Korean", () => {
  const names = [
    "",
    "42",
    "👍🏽",
    "Ann_2",
    "Zoë",
    "Nguyễn",
    "山田タロウさん",
    "山田Taro",
    "ー",
    "小明ㄅ",
    "小明Ming",
    "김철수Kim",
    "金철수",
    "Ольга-2",
    "محمد",
    "می\u200cخواهم",
    "שרה",
    "สมชาย",
    "प्रिया",
    "தமிழ்",
    "ᏣᎳᎩ",
    "ދިވެހި",
    "冰🧊",
  ];
  for (const name of names) assert(fitsTogether(name), name);
});

Deno.test("fitsTogether() refuses other mixtures", () => {
  const names = [
    "Annа",
    "Οlga",
    "b\u043eb",
    "かなㄅ",
    "한かな",
    "ᎪNNA",
    "Օlga",
    "Annא",
    "ꓮnna",
    "山Ж",
  ];
  for (const name of names) assert(!fitsTogether(name), name);
});

Deno.test("fitsTogether() refuses extinct scripts", () => {
  for (const name of ["𐌰𐌱", "𓀀", "𐐀𐐁"]) assert(!fitsTogether(name), name);
});

Deno.test("fitsTogether() costs little for a name of any script", () => {
  assertEquals(fitsTogether(`${"Ж".repeat(300)}a`), false);
  assertEquals(fitsTogether("Ꙗ".repeat(300)), true);
});
