/** The fuzzer itself, a short run of it, and the inputs that once broke a property. */

import { assert, assertEquals } from "@std/assert";
import { readCases } from "./fuzz/cases.ts";
import { fuzz } from "./fuzz/fuzz.ts";
import { check, type FuzzTarget } from "./fuzz/target.ts";
import { TARGETS } from "./fuzz/targets/all.ts";

/** Inputs for each target, besides its seeds. One that opens connections takes longer. */
const [INPUTS, CONNECTING] = [60, 3];

Deno.test("the targets have different names", () => {
  const names = TARGETS.map(({ name }) => name);
  assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
});

for (const [name, { target, input, cuts }] of readCases()) {
  Deno.test(`the input of ${name} breaks no property any more`, async () => {
    const found = TARGETS.find(({ name }) => name === target);
    assert(found, `There is no target ${target}`);
    const result = await check(found, input, cuts, false);
    assert(!("problem" in result), JSON.stringify(result));
  });
}

Deno.test("no random input breaks a property of a codec or parser", async (t) => {
  for (const target of TARGETS) {
    await t.step(target.name, async () => {
      const most = target.connects === true ? CONNECTING : INPUTS;
      const more = (tried: number) => tried < target.seeds.length + most;
      const { failure } = await fuzz(target, { seed: 1, more, measured: false });
      assertEquals(failure, undefined);
    });
  }
});

/** A target that is fine, and is to be spoilt. */
const GOOD: FuzzTarget = {
  name: "good",
  alphabet: "text",
  limit: 100,
  seeds: ["a,b"],
  words: [",", '"'],
  read: (pieces) => pieces.join("").split(","),
  stream: true,
  encode: (parts: readonly string[]) => parts.join(","),
};

const SPOILT: Readonly<Record<string, Partial<FuzzTarget>>> = {
  "An undocumented error": {
    read: ([text]) => {
      if (text!.includes('"')) throw new TypeError("a quote");
    },
    throws: [RangeError],
    encode: () => undefined,
  },
  "Another result in pieces": {
    read: (pieces) => pieces.filter((piece) => piece !== "").length,
    encode: () => undefined,
  },
  "Another value after encoding": {
    encode: (parts: readonly string[]) => parts.slice(0, 2).join(","),
  },
};

Deno.test("the fuzzer finds each kind of fault, makes the input small, and repeats itself", async () => {
  const run = { seed: 5, more: (tried: number) => tried < 2000, measured: false };
  assertEquals((await fuzz(GOOD, run)).failure, undefined);
  for (const [problem, parts] of Object.entries(SPOILT)) {
    const { failure } = await fuzz({ ...GOOD, ...parts }, run);
    assert(
      failure !== undefined && failure.problem.startsWith(problem),
      `${problem}: ${failure?.problem}`,
    );
    assert(failure.input.length <= 8, JSON.stringify(failure.input));
    assertEquals((await fuzz({ ...GOOD, ...parts }, run)).failure, failure);
  }
});
