import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { findMarks } from "../../../../examples/chat/archive/marks.ts";

Deno.test("findMarks() finds all places of all words, in order", () => {
  assertEquals(findMarks("one two one", ["two", "one"]), [[0, 3], [4, 7], [8, 11]]);
  assertEquals(findMarks("anything", []), []);
});

Deno.test("findMarks() returns nothing if a word is missing", () => {
  assertEquals(findMarks("one two", ["one", "three"]), undefined);
});

Deno.test("findMarks() joins marks that overlap or touch", () => {
  assertEquals(findMarks("abcdef", ["abc", "bcd", "e"]), [[0, 5]]);
});

Deno.test("findMarks() ignores case, also where lower case is longer", () => {
  assertEquals(findMarks("ÉCOLE", ["école"]), [[0, 5]]);
  assertEquals(findMarks("ΣΟΦΟΣ", ["σοφος"]), [[0, 5]]);
  // İ becomes two units in lower case.
  assertEquals(findMarks("İİ test", ["TEST"]), [[3, 7]]);
  assertEquals(findMarks("İ𝒳 test 𐐀", ["𐐨"]), [[9, 11]]);
});

Deno.test("findMarks() bounds the number of marks", () => {
  assertEquals(findMarks("a ".repeat(1000), ["a"])!.length, 100);
});

Deno.test("findMarks() returns ascending places within the text", () => {
  const letters = fc.array(fc.constantFrom("a", "B", "İ", "ß", "Σ", "世", "😀", " ")).map((all) =>
    all.join("")
  );
  fc.assert(fc.property(letters, fc.array(letters, { maxLength: 4 }), (text, words) => {
    let last = -1;
    for (const [start, end] of findMarks(text, words) ?? []) {
      assert(start > last && end > start && end <= text.length);
      last = end;
    }
  }));
});
