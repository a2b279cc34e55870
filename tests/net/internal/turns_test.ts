import { Turns } from "../../../net/internal/turns.ts";
import { assertEquals, assertRejects } from "@std/assert";

Deno.test("Turns runs work in the order of the calls, also after a failure", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const first = turns.add(async () => {
    await Promise.resolve();
    done.push("first");
    throw new Error("no");
  });
  const second = turns.add(() => Promise.resolve(done.push("second")));
  assertEquals(turns.queued, 2);
  await assertRejects(() => first, Error, "no");
  await second;
  assertEquals(done, ["first", "second"]);
  assertEquals(turns.queued, 0);
});

Deno.test("Turns.hold() keeps the turn until it is given back, and reports queued work", async () => {
  const turns = new Turns();
  const release = await turns.hold((turn) => turn());
  let calls = 0;
  turns.onQueued = () => calls++;
  let isDone = false;
  const work = turns.add(() => Promise.resolve(isDone = true));
  await Promise.resolve();
  assertEquals([calls, turns.queued, isDone], [1, 1, false]);
  await release();
  await work;
  assertEquals([turns.queued, isDone], [0, true]);
});

Deno.test("Turns.hold() rejects if its wrapper fails before the turn begins", async () => {
  const turns = new Turns();
  await assertRejects(() => turns.hold(() => Promise.reject(new Error("no"))), Error, "no");
  assertEquals(await turns.add(() => Promise.resolve(1)), 1);
});
