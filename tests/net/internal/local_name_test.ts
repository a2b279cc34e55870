import { assert, assertEquals } from "@std/assert";
import { nameProblem } from "../../../net/internal/local_name.ts";

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
