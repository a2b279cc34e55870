import {
  Alarm,
  forEachWatched,
  touch,
  unwatch,
  UNWATCHED,
  watch,
  type Watched,
} from "../../../net/internal/timer.ts";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

/** An item that resolves `swept` when it has been swept at or after its time. */
function item(due: number) {
  const { promise: swept, resolve } = Promise.withResolvers<number>();
  const one: Watched = {
    due,
    place: UNWATCHED,
    waiting: true,
    sweep(now) {
      if (now < one.due) return;
      one.due = Infinity;
      unwatch(one);
      resolve(now);
    },
  };
  return { one, swept };
}

Deno.test("a watched item is swept when it is due, and not before", async () => {
  const due = performance.now() + 20;
  const { one, swept } = item(due);
  watch(one);
  assert(await swept >= due);
});

Deno.test("touch() makes the timer wake earlier", async () => {
  const { one, swept } = item(Infinity);
  watch(one);
  one.due = performance.now() + 5;
  touch(one);
  await swept;
});

Deno.test("a late timer waits for one more turn, also after all items have left during such a turn", async () => {
  /** Blocks the event loop until the timer and the callback are late. The callback runs second. */
  const block = (due: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, due + 5 - performance.now());
    while (performance.now() < due + 60);
    return promise;
  };
  for (let round = 0; round < 2; round++) {
    const one: Watched = {
      due: performance.now() + 10,
      place: UNWATCHED,
      waiting: true,
      sweep: () => swept++,
    };
    let swept = 0;
    watch(one);
    await block(one.due);
    unwatch(one);
    assertEquals(swept, 0, `round ${round}`);
  }
});

Deno.test("forEachWatched() visits what is watched, and items may leave meanwhile", () => {
  const [first, second] = [item(Infinity).one, item(Infinity).one];
  watch(first);
  watch(second);
  const seen: Watched[] = [];
  forEachWatched((one) => {
    if (one !== first && one !== second) return;
    seen.push(one);
    unwatch(one);
  });
  assertEquals(seen, [first, second]);
  forEachWatched((one) => assert(one !== first && one !== second));
});

Deno.test("each item is swept, whatever was added, moved and removed before", () => {
  const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3 })));
  return fc.assert(
    fc.asyncProperty(times, async (list) => {
      const begun = performance.now();
      const swept: Watched[] = [];
      const done = Promise.withResolvers<void>();
      const expected: Watched[] = [];
      const check = () => swept.length === expected.length && done.resolve();
      for (const [after, change] of list) {
        const one: Watched = {
          due: begun + after,
          place: UNWATCHED,
          waiting: true,
          sweep(now) {
            if (now < one.due) return;
            unwatch(one);
            swept.push(one);
            check();
          },
        };
        watch(one);
        if (change === 1) {
          one.due -= 20;
          touch(one);
        } else if (change === 2) one.due += 20;
        if (change === 3) unwatch(one);
        else expected.push(one);
      }
      check();
      await done.promise;
      assertEquals(new Set(swept), new Set(expected));
      assert(swept.every(({ place }) => place === UNWATCHED));
    }),
    { numRuns: 20 },
  );
});

Deno.test("Alarm rings once, after its time, and again only if it is started again", async () => {
  const rings: number[] = [];
  let rung = Promise.withResolvers<void>();
  const alarm = new Alarm(() => {
    rings.push(performance.now());
    rung.resolve();
  });
  const begun = performance.now();
  alarm.start(10);
  assert(alarm.running);
  await rung.promise;
  assert(rings[0]! >= begun + 10);
  assert(!alarm.running);
  rung = Promise.withResolvers();
  alarm.start(60_000);
  alarm.start(1);
  await rung.promise;
  assertEquals(rings.length, 2);
});

Deno.test("Alarm does not ring after stop(), and never if its time is infinite", async () => {
  const quiet = [new Alarm(() => rung++), new Alarm(() => rung++)] as const;
  let rung = 0;
  quiet[0].start(5);
  quiet[0].stop();
  quiet[1].start(5);
  quiet[1].start(Infinity);
  const later = Promise.withResolvers<void>();
  new Alarm(later.resolve).start(20);
  await later.promise;
  assertEquals([rung, quiet[0].running, quiet[1].running], [0, false, false]);
});

Deno.test("Alarm may be started again while it rings", async () => {
  const third = Promise.withResolvers<void>();
  let rings = 0;
  const alarm = new Alarm(() => {
    if (++rings < 3) alarm.start(5);
    else third.resolve();
  });
  alarm.start(5);
  await third.promise;
});

/** Runs a module that imports the timer, and returns its output. */
async function runWithTimer(code: string): Promise<string> {
  const timer = JSON.stringify(import.meta.resolve("../../../net/internal/timer.ts"));
  const module = `import { Alarm, holdWhile, watch } from ${timer};${code}`;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", `data:text/javascript,${encodeURIComponent(module)}`],
    stderr: "inherit",
  }).output();
  assert(success);
  return new TextDecoder().decode(stdout);
}

Deno.test("the process ends soon after the last alarm that kept it alive has stopped", async () => {
  const output = await runWithTimer(`
    new Alarm(() => console.log("late"), false).start(60_000);
    const alarm = new Alarm(() => console.log("late"));
    alarm.start(30_000);
    setTimeout(() => alarm.stop(), 20);
    console.log("begun");
  `);
  assertEquals(output, "begun\n");
});

Deno.test("holdWhile() keeps the process alive for a timer that does not", async () => {
  const output = await runWithTimer(`
    const work = Promise.withResolvers();
    const one = { due: performance.now() + 50, place: -1, waiting: false, sweep: (now) => {
      if (now < one.due) return;
      one.due = performance.now() + 60_000;
      work.resolve();
    } };
    watch(one);
    await holdWhile(work.promise);
    console.log("held");
  `);
  assertEquals(output, "held\n");
});
