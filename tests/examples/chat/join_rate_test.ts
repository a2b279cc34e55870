import { assert, assertEquals, assertRejects } from "@std/assert";
import { JoinRate } from "../../../examples/chat/join_rate.ts";

const { signal } = new AbortController();

/** Whether a user may come in before anything else happens. */
async function open(joins: JoinRate, network: string): Promise<boolean> {
  const leaving = new AbortController();
  const turn = joins.turn(network, leaving.signal).then(() => true, () => false);
  leaving.abort();
  return await turn;
}

Deno.test("JoinRate lets a burst in at once, then one after the other", async () => {
  const joins = new JoinRate(50, 3);
  const started = performance.now();
  for (let i = 0; i < 8; i++) await joins.turn("192.0.2.1", signal);
  const took = performance.now() - started;
  assert(took >= 99, `${took} ms`);
});

Deno.test("JoinRate keeps each address waiting by itself", async () => {
  const joins = new JoinRate(0.001, 1);
  await joins.turn("192.0.2.1", signal);
  assertEquals(await open(joins, "192.0.2.1"), false);
  assertEquals(await open(joins, "192.0.2.2"), true);
});

Deno.test("JoinRate does not count a wait that was cancelled", async () => {
  const joins = new JoinRate(1, 1);
  await joins.turn("a", signal);
  for (let i = 0; i < 100; i++) await open(joins, "a");
  const started = performance.now();
  await joins.turn("a", signal);
  const took = performance.now() - started;
  assert(took < 20_000, `${took} ms`);
  await assertRejects(() => joins.turn("a", AbortSignal.abort(new Error("left"))), Error, "left");
});

Deno.test("JoinRate remembers no more than so many addresses", async () => {
  const joins = new JoinRate(0.001, 1);
  await joins.turn("first", signal);
  assertEquals(await open(joins, "first"), false);
  for (let i = 0; i < 10_000; i++) await joins.turn(`${i}`, signal);
  assertEquals([await open(joins, "first"), await open(joins, "9999")], [true, false]);
});

Deno.test("JoinRate of rate 0 is open", async () => {
  const joins = new JoinRate(0, 1);
  for (let i = 0; i < 1000; i++) assertEquals(await open(joins, "a"), true);
});
