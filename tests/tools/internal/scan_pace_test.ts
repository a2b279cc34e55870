/** `tools/internal/scan_pace.ts`: how fast a scan is, without a network and a clock. */

import { assert, assertEquals } from "@std/assert";
import { Pace } from "../../../tools/internal/scan_pace.ts";

const HOST = "192.0.2.1";
const adaptive = () => new Pace({ start: 200, most: 1000 });

/** Returns the number of attempts for a port that never answers. */
function attempts(pace: Pace): number {
  let tries = 1;
  while (pace.silent(HOST, tries)) tries++;
  return tries;
}

Deno.test("fixed values never change", () => {
  const pace = new Pace({ concurrency: 7, timeout: 300, retries: 4, start: 200, most: 1000 });
  pace.answered(HOST, 5000, 2, 0);
  for (let i = 0; i < 100; i++) pace.answered(HOST, 1, 0, i);
  assertEquals([pace.limit, pace.timeLimit(HOST, 0), pace.timeLimit(HOST, 3)], [7, 300, 300]);
  assertEquals(attempts(pace), 5);
});

Deno.test("the time limit is longer than the first repetition of a SYN, and follows the trips", () => {
  const pace = adaptive();
  assertEquals(pace.timeLimit(HOST, 0), 1500);
  for (let i = 0; i < 50; i++) pace.answered(HOST, 0.2, 0, i);
  assertEquals(pace.timeLimit(HOST, 0), 1150);
  assert(pace.timeLimit(HOST, 1) > 1150);
  for (let i = 0; i < 200; i++) pace.answered(HOST, 400, 0, i);
  const limit = pace.timeLimit(HOST, 0);
  assert(limit > 1400 && limit < 1500, `${limit}`);
  // An answer to a repetition does not tell the round-trip time.
  pace.answered(HOST, 3000, 1, 0);
  assertEquals(pace.timeLimit(HOST, 0), limit);
  assert(pace.timeLimit(HOST, 9) <= 6000);
});

Deno.test("connections at once grow to the most while nothing is lost", () => {
  const pace = adaptive();
  for (let i = 0; i < 2000; i++) pace.answered(HOST, 20, 0, i);
  assertEquals(pace.limit, 1000);
  // Silence is no sign of loss.
  const silent = adaptive();
  for (let i = 0; i < 500; i++) silent.silent(HOST, 1);
  assertEquals(silent.limit, 1000);
});

Deno.test("connections at once do not grow when answers wait in a queue", () => {
  const pace = adaptive();
  pace.answered(HOST, 1, 0, 0);
  const { limit } = pace;
  for (let i = 0; i < 500; i++) pace.answered(HOST, 30, 0, i);
  assertEquals(pace.limit, limit);
});

Deno.test("loss reduces connections at once by its share, once a second", () => {
  const lossy = adaptive();
  for (let now = 0; now < 30_000; now += 10) lossy.answered(HOST, 20, now % 20 === 0 ? 1 : 0, now);
  assertEquals(lossy.limit < 100, true, `${lossy.limit}`);
  const some = adaptive();
  for (let now = 0; now < 30_000; now++) some.answered(HOST, 20, now % 50 === 0 ? 1 : 0, now);
  assert(some.limit > 500, `${some.limit}`);
  const once = adaptive();
  for (let i = 0; i < 10; i++) once.answered(HOST, 20, 1, 0);
  assertEquals(once.limit, 100);
});

Deno.test("the number of attempts follows the loss of a host", () => {
  assertEquals(attempts(adaptive()), 2);
  const good = adaptive();
  for (let i = 0; i < 100; i++) good.answered(HOST, 1, 0, i);
  assertEquals(attempts(good), 3);
  // Many silent ports are a firewall.
  for (let i = 0; i < 300; i++) good.silent(HOST, 1);
  assertEquals(attempts(good), 2);
  const tries = [0.05, 0.1, 0.2, 0.5].map((loss) => {
    const pace = adaptive();
    for (let i = 0; i < 200; i++) pace.answered(HOST, 1, i < 200 * loss ? 1 : 0, i);
    for (let i = 0; i < 300; i++) pace.silent(HOST, 1);
    return attempts(pace);
  });
  assertEquals(tries, [3, 3, 4, 5]);
});

Deno.test("a lack of file descriptors reduces the most connections at once", () => {
  const pace = adaptive();
  pace.ease(200, true);
  assertEquals(pace.limit, 100);
  for (let i = 0; i < 2000; i++) pace.answered(HOST, 20, 0, i);
  assertEquals(pace.limit, 150);
});
