/** The soak test in short, and what it measures with. */

import { assert, assertEquals } from "@std/assert";
import { Book } from "./soak/book.ts";
import { findLeaks, memoryGrowth, regression, type Sample } from "./soak/measures.ts";
import { deno } from "./_support/repository.ts";

Deno.test("chat, proxy, HTTP, WebSockets and mail lose nothing on a bad network", async () => {
  const flags = ["-q", "--no-check", "--lock=deno.lock", "--v8-flags=--expose-gc", "-A"];
  const args = ["run", ...flags, "tests/soak/main.ts", "--minutes", "0.12", "--seed", "1"];
  const { code, stdout, stderr } = await deno(args);
  assertEquals(code, 0, stdout + stderr);
  for (const name of ["chat lines", "proxy requests answered", "HTTP requests answered"]) {
    assert(new RegExp(`^${name}: [1-9]`, "m").test(stdout), stdout);
  }
});

/** A sample of a process at rest. */
function sampleOf(minute: number, more: Partial<Sample> = {}): Sample {
  const rest = { heap: 1e7, rss: 1e8, descriptors: 20, resources: ["tcp"], timers: 1 };
  return { minute, ...rest, ...more };
}

Deno.test("regression() finds a slope and its error", () => {
  const { slope, error } = regression([[0, 1], [1, 3], [2, 5], [3, 7]]);
  assert(Math.abs(slope - 2) < 1e-9 && error < 1e-9, `${slope} ± ${error}`);
  assert(regression([[0, 0], [1, 3], [2, 1], [3, 4]]).error > 0.5);
});

Deno.test("findLeaks() names what grows after the warm-up, and nothing else", () => {
  const minutes = Array.from({ length: 30 }, (_, i) => i);
  const noise = (i: number) => (i * 7919 % 13) * 10_000;
  assertEquals(findLeaks([]), []);
  const still = minutes.map((i) => sampleOf(i, { heap: 1e7 + noise(i) }));
  assertEquals(findLeaks(still), []);
  const warming = minutes.map((i) =>
    sampleOf(i, { heap: 1e7 + Math.min(i, 8) * 1e6, timers: i > 5 ? 2 : 1 })
  );
  assertEquals(findLeaks(warming), []);
  assertEquals(memoryGrowth(still.slice(0, 5)), undefined);
  for (
    const [what, grow] of [
      ["descriptors", (i: number) => ({ descriptors: 20 + i })],
      ["resources", (i: number) => ({ resources: Array(i).fill("tcp") })],
      ["time limits", (i: number) => ({ timers: i })],
      ["memory", (i: number) => ({ heap: 1e7 + noise(i) + i * 300_000 })],
    ] as const
  ) {
    const leaks = findLeaks(minutes.map((i) => sampleOf(i, grow(i))));
    assertEquals(leaks.map((leak) => leak.split(":")[0]), [what]);
  }
});

Deno.test("Book tells what is lost from what is doubled", () => {
  const book = new Book();
  book.expect("a", 1, 1, 1);
  book.expect("b", 0, 1, 1);
  book.expect("c", 2, 0, 1);
  assertEquals([...book.faults.keys()], ["b: lost", "c: doubled"]);
});
