import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findProgram, needs, needsPython, pythonWith } from "./peers.ts";

Deno.test("needs() says nothing about programs that are there", () => {
  assertEquals(needs(), { ignore: false, reason: "", suffix: "" });
  const [program] = ["sh", "cmd"].filter((name) => findProgram(name) !== undefined);
  assert(program !== undefined);
  assertEquals(needs(program).ignore, false);
});

Deno.test("needs() names every program that is missing", () => {
  assertEquals(needs("no-such-program", "nor-this"), {
    ignore: true,
    reason: "no-such-program is not installed, nor-this is not installed",
    suffix: " (no-such-program is not installed, nor-this is not installed)",
  });
});

Deno.test("pythonWith() knows which modules a Python has", () => {
  assertEquals(pythonWith("no_such_module"), undefined);
  assertEquals(needsPython("no_such_module"), {
    ignore: true,
    reason: "python3 with no_such_module is not installed",
    suffix: " (python3 with no_such_module is not installed)",
  });
});

Deno.test({
  name: "a program counts as missing, and nothing is asked, without the permissions to look",
  permissions: "none",
  fn() {
    assertEquals(findProgram("sh", "cmd"), undefined);
    assertStringIncludes(needs("sh").reason, "sh is not installed");
    assertEquals(pythonWith("sys"), undefined);
  },
});
