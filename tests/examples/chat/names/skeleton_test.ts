import { assert, assertEquals } from "@std/assert";
import { checkName } from "../../../../examples/chat/names.ts";
import { foldText, nameKey, otherKey } from "../../../../examples/chat/names/skeleton.ts";
import { LOOKALIKES } from "./_lookalikes.ts";

/** Returns whether a name cannot stand beside another one. */
function excluded(fake: string, real: string): boolean {
  const result = checkName(fake);
  return "problem" in result || result.key === nameKey(real);
}

Deno.test("no look-alike of a letter makes a second name", () => {
  const admitted: string[] = [];
  let count = 0;
  for (const [letter, lookalikes] of LOOKALIKES) {
    // Alone, at the begin, in the middle, at the end, twice, and beside digits.
    for (const frame of ["@", "@ina", "Ni@a", "Oli@", "@n@", "@42"]) {
      const real = frame.replaceAll("@", letter);
      for (const lookalike of lookalikes) {
        count++;
        const fake = frame.replaceAll("@", lookalike);
        if (!excluded(fake, real)) admitted.push(`${real}/${fake}`);
      }
    }
  }
  assertEquals(admitted, []);
  assert(count > 7800, `${count}`);
});

Deno.test("no look-alike in the middle of Latin letters is taken for another script", () => {
  for (const [letter, lookalikes] of LOOKALIKES) {
    for (const lookalike of lookalikes) {
      const fake = checkName(`x${lookalike}x`);
      if ("key" in fake) assertEquals(fake.key, nameKey(`x${letter}x`), lookalike);
    }
  }
});

Deno.test("nameKey() is equal for whole names of another script that look Latin", () => {
  const pairs: [string, string][] = [
    ["Вера", "Bepa"],
    ["ВЕРА", "BEPA"],
    ["Сара", "Capa"],
    ["аре", "ape"],
    ["Ημα", "Hma"],
    ["Ivan", "lvan"],
    ["Ivan", "1van"],
    ["Olga", "0lga"],
    ["Tom", "Torn"],
    ["Bill", "BiII"],
    ["R2D2", "r2d2"],
  ];
  for (const [one, other] of pairs) assertEquals(nameKey(one), nameKey(other), `${one} ${other}`);
});

Deno.test("nameKey() keeps the ASCII letters and digits apart that do not look alike", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
  const same = Map.groupBy(letters, nameKey).values().map((group) => group.join("")).toArray();
  assertEquals(same.filter((group) => group.length > 1), ["il1", "o0"]);
});

Deno.test("nameKey() is a fixed point for every character", () => {
  for (let point = 0; point < 0x32000; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const key = nameKey(String.fromCodePoint(point));
    if (nameKey(key) !== key) throw new Error(`${point.toString(16)}: ${nameKey(key)} ${key}`);
  }
});

Deno.test("otherKey() finds the Latin name that a capital letter of another script shows", () => {
  assertEquals(otherKey("ΝΙΝΑ"), nameKey("NINA"));
  assertEquals(otherKey("\u017fred"), "fred");
  assertEquals(otherKey("Νίκος"), undefined);
  assertEquals(otherKey("Nina"), undefined);
  assertEquals(otherKey("ВЕРА"), undefined);
});

Deno.test("foldText() ignores case, width, ligatures and invisible characters", () => {
  assertEquals(foldText("ＳＴＲＡẞE"), "strasse");
  assertEquals(foldText("\u200bﬁ\u00adX\u2060"), "fix");
  assertEquals(foldText("ΟΔΥΣΣΕΥΣ"), foldText("οδυσσευς"));
});

Deno.test("nameKey() reads no more of a text than a name can have", () => {
  assert(nameKey("x".repeat(40_000)).length <= 512);
  assertEquals(nameKey("a".repeat(384)), "a".repeat(384));
});
