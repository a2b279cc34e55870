import { assertEquals } from "@std/assert";
import { SECTIONS } from "./all.ts";
import { testCases } from "./run_cases.ts";
import { serverSubject } from "./subjects.ts";

Deno.test("the names of all cases are unique", () => {
  const ids = Object.values(SECTIONS).flat().map(({ id }) => id);
  assertEquals(ids.length, new Set(ids).size);
});

testCases("a hardened server", () => serverSubject(true));
