import { Countdown } from "../../../net/internal/countdown.ts";
import { assert, assertEquals } from "@std/assert";

Deno.test("Countdown uses force once, at the earliest of the ends that were set", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let times = 0;
  const countdown = new Countdown(() => {
    times++;
    resolve();
  });
  const begun = performance.now();
  countdown.start(Infinity);
  countdown.start(60_000);
  countdown.start(10);
  countdown.start(60_000);
  await promise;
  assert(performance.now() - begun >= 10);
  countdown.start(1);
  countdown.finish();
  assertEquals(times, 1);
});

Deno.test("Countdown uses no force after stop(), not even if it is started later", () => {
  let times = 0;
  const countdown = new Countdown(() => times++);
  countdown.start(5);
  countdown.stop();
  // The sanitizer would find a timer that still runs.
  countdown.start(5);
  countdown.finish();
  assertEquals(times, 0);
});
