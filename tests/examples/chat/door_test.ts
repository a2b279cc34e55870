import { assert, assertEquals, assertRejects } from "@std/assert";
import { Door } from "../../../examples/chat/door.ts";

const { signal } = new AbortController();

/** Whether a user may come in before anything else happens. */
async function open(door: Door, network: string): Promise<boolean> {
  const leaving = new AbortController();
  const turn = door.turn(network, leaving.signal).then(() => true, () => false);
  leaving.abort();
  return await turn;
}

Deno.test("Door lets a burst in at once, then one after the other", async () => {
  const door = new Door(50, 3);
  const started = performance.now();
  for (let i = 0; i < 8; i++) await door.turn("192.0.2.1", signal);
  const took = performance.now() - started;
  assert(took >= 99, `${took} ms`);
});

Deno.test("Door keeps each address waiting by itself", async () => {
  const door = new Door(0.001, 1);
  await door.turn("192.0.2.1", signal);
  assertEquals(await open(door, "192.0.2.1"), false);
  assertEquals(await open(door, "192.0.2.2"), true);
});

Deno.test("Door forgets who gave up waiting", async () => {
  const door = new Door(1, 1);
  await door.turn("a", signal);
  for (let i = 0; i < 100; i++) await open(door, "a");
  const started = performance.now();
  await door.turn("a", signal);
  const took = performance.now() - started;
  assert(took < 20_000, `${took} ms`);
  await assertRejects(() => door.turn("a", AbortSignal.abort(new Error("left"))), Error, "left");
});

Deno.test("Door remembers no more than so many addresses", async () => {
  const door = new Door(0.001, 1);
  await door.turn("first", signal);
  assertEquals(await open(door, "first"), false);
  for (let i = 0; i < 10_000; i++) await door.turn(`${i}`, signal);
  assertEquals([await open(door, "first"), await open(door, "9999")], [true, false]);
});

Deno.test("Door of rate 0 is open", async () => {
  const door = new Door(0, 1);
  for (let i = 0; i < 1000; i++) assertEquals(await open(door, "a"), true);
});
