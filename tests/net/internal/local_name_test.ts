import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { mapName, nameProblem, unmapName } from "../../../net/internal/local_name.ts";

Deno.test("nameProblem() knows the names that Windows refuses", () => {
  const refused = [
    "a:b",
    "con",
    "Con.txt",
    "aux ",
    "lpt1.log",
    "a.",
    "a ",
    "what?",
    'a"b',
  ];
  for (const name of refused) assert(nameProblem(name, "windows") !== undefined, name);
  for (const name of ["a", "console", "a.b", ".htaccess", "comb"]) {
    assertEquals(nameProblem(name, "windows"), undefined, name);
  }
  for (const name of ["a:b", "con", "a."]) assertEquals(nameProblem(name, "linux"), undefined);
});

/** Names of characters that are mapped, and of others. */
const anyName = fc.string({
  unit: fc.constantFrom(...'aAcCoOnN123:%?*<>|". ', "é", "💀", "\udc80", "\udcff"),
  minLength: 1,
  maxLength: 8,
});

Deno.test("mapName() makes names that every computer can store, and unmapName() reverses it", () => {
  fc.assert(fc.property(anyName, (name) => {
    const mapped = mapName(name);
    assertEquals(nameProblem(mapped, "windows"), undefined, mapped);
    assert(mapped.isWellFormed(), mapped);
    if (name !== "." && name !== "..") assertEquals(unmapName(mapped), name);
  }));
  fc.assert(fc.property(anyName, anyName, (one, other) => {
    assertEquals(mapName(one) === mapName(other), one === other);
  }));
});

Deno.test("unmapName() leaves names that mapName() has not made", () => {
  for (const name of ["a%41", "%2F", "..%2F", ".%2E", "%2E", "100%", "%zz", "%00", "a:b", "%3a"]) {
    assertEquals(unmapName(name), name);
  }
});
