import { assertEquals, assertRejects } from "@std/assert";
import { orAbort } from "../../../net/internal/or_abort.ts";

Deno.test("orAbort() returns the result of the work, and removes its listener", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = () => void listeners++;
  signal.removeEventListener = () => void listeners--;
  assertEquals(await orAbort(Promise.resolve(1), signal), 1);
  assertEquals(await orAbort(2, signal), 2);
  await assertRejects(() => orAbort(Promise.reject(new Error("work")), signal), Error, "work");
  assertEquals(listeners, 0);
});

Deno.test("orAbort() throws the reason of an abort, and ignores a later failure", async () => {
  const work = Promise.withResolvers<void>();
  const stop = new AbortController();
  const waiting = orAbort(work.promise, stop.signal);
  stop.abort(new Error("stopped"));
  await assertRejects(() => waiting, Error, "stopped");
  work.reject(new Error("late"));
});

Deno.test("orAbort() throws at once if the signal is aborted already", async () => {
  const signal = AbortSignal.abort(new Error("stopped"));
  await assertRejects(() => orAbort(Promise.resolve(1), signal), Error, "stopped");
  await assertRejects(() => orAbort(Promise.reject(new Error("work")), signal), Error, "stopped");
});
