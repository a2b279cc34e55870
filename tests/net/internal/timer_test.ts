import {
  forEachWatched,
  touch,
  unwatch,
  watch,
  type Watched,
} from "../../../net/internal/timer.ts";
import { assert, assertEquals } from "@std/assert";

/** An item that resolves `swept` when it has been swept at or after its time. */
function item(due: number) {
  const { promise: swept, resolve } = Promise.withResolvers<number>();
  const one: Watched = {
    due,
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

Deno.test("holdWhile() keeps the process alive for a timer that does not", async () => {
  const code = `
    import { holdWhile, watch } from ${
    JSON.stringify(import.meta.resolve("../../../net/internal/timer.ts"))
  };
    const work = Promise.withResolvers();
    const one = { due: performance.now() + 50, waiting: false, sweep: (now) => {
      if (now < one.due) return;
      one.due = performance.now() + 60_000;
      work.resolve();
    } };
    watch(one);
    await holdWhile(work.promise);
    console.log("held");
  `;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", `data:text/javascript,${encodeURIComponent(code)}`],
    stderr: "inherit",
  }).output();
  assertEquals([new TextDecoder().decode(stdout), success], ["held\n", true]);
});
