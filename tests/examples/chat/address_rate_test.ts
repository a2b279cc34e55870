import { assert, assertEquals, assertRejects } from "@std/assert";
import { AddressRate, AddressRates } from "../../../examples/chat/address_rate.ts";

const { signal } = new AbortController();

/** Whether a user may come in before anything else happens. */
async function open(joins: AddressRate, network: string): Promise<boolean> {
  const leaving = new AbortController();
  const turn = (async () => await joins.turn(network, leaving.signal))()
    .then(() => true, () => false);
  leaving.abort();
  return await turn;
}

Deno.test("AddressRate lets a burst in at once, then one after the other", async () => {
  const joins = new AddressRate(50, 3);
  const started = performance.now();
  for (let i = 0; i < 8; i++) await joins.turn("192.0.2.1", signal);
  const took = performance.now() - started;
  assert(took >= 99, `${took} ms`);
});

Deno.test("AddressRate keeps each address waiting by itself", async () => {
  const joins = new AddressRate(0.001, 1);
  await joins.turn("192.0.2.1", signal);
  assertEquals(await open(joins, "192.0.2.1"), false);
  assertEquals(await open(joins, "192.0.2.2"), true);
});

Deno.test("AddressRate does not count a wait that was cancelled", async () => {
  const joins = new AddressRate(1, 1);
  await joins.turn("a", signal);
  for (let i = 0; i < 100; i++) await open(joins, "a");
  const started = performance.now();
  await joins.turn("a", signal);
  const took = performance.now() - started;
  assert(took < 20_000, `${took} ms`);
  const left = AbortSignal.abort(new Error("left"));
  await assertRejects(async () => await joins.turn("a", left), Error, "left");
});

Deno.test("AddressRate remembers no more than so many addresses", async () => {
  const joins = new AddressRate(0.001, 1);
  await joins.turn("first", signal);
  assertEquals(await open(joins, "first"), false);
  for (let i = 0; i < 10_000; i++) await joins.turn(`${i}`, signal);
  assertEquals([await open(joins, "first"), await open(joins, "9999")], [true, false]);
});

Deno.test("AddressRate of rate 0 is open", async () => {
  const joins = new AddressRate(0, 1);
  for (let i = 0; i < 1000; i++) assertEquals(await open(joins, "a"), true);
});

Deno.test("AddressRates counts a long line as several, for all connections of an address", async () => {
  const rates = new AddressRates(0.001, 1);
  assertEquals(rates.line("a", signal, "hello"), undefined);
  assertEquals(rates.line("a", signal, "x".repeat(9 * 512)), undefined);
  const leaving = new AbortController();
  const wait = rates.line("a", leaving.signal, "");
  assertEquals(rates.line("b", signal, "hi"), undefined);
  leaving.abort(new Error("left"));
  await assertRejects(async () => await wait, Error, "left");
});

Deno.test("AddressRates of a proxy limits joins less and lines not at all", async () => {
  const rates = new AddressRates(0.001, 1, true);
  const line = "x".repeat(4096);
  for (let i = 0; i < 100; i++) assertEquals(rates.line("proxy", signal, line), undefined);
  for (let i = 0; i < 100; i++) assertEquals(rates.question("proxy", signal), undefined);
  for (let i = 0; i < 10; i++) assertEquals(await open(rates.joins, "proxy"), true);
  await rates.joins.turn("other", signal, 10);
  assertEquals(await open(rates.joins, "other"), false);
});

Deno.test("AddressRates counts a question, and a command that asks one, as several lines", () => {
  const leaving = AbortSignal.abort(new Error("left"));
  for (const line of [undefined, "/search tea", "/JOIN #tea", "/history"]) {
    const rates = new AddressRates(0.001, 1);
    const ask = (signal: AbortSignal) =>
      line === undefined ? rates.question("a", signal) : rates.line("a", signal, line);
    for (let i = 0; i < 2; i++) assertEquals(ask(signal), undefined, line);
    for (let i = 0; i < 2; i++) rates.line("a", signal, "hi");
    assert(ask(leaving)?.catch(() => {}) !== undefined, line);
  }
});

Deno.test("AddressRates lets one user come back ten times, and many users of one address", async () => {
  const rates = new AddressRates(0.001, 50);
  for (let user = 1; user <= 50; user++) await rates.return("a", user, signal);
  for (let i = 0; i < 10; i++) await rates.return("b", 100, signal);
  const left = AbortSignal.abort(new Error("left"));
  await assertRejects(() => rates.return("b", 100, left), Error, "left");
  await rates.return("b", 101, signal);
});
