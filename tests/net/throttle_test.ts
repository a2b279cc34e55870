import { assertEquals, assertThrows } from "@std/assert";
import { Throttle } from "../../net/throttle.ts";

Deno.test("Throttle lets a burst pass, then spaces lines at the rate", () => {
  const throttle = new Throttle(10, 3);
  assertEquals([1, 2, 3].map(() => throttle.take(1000)), [0, 0, 0]);
  assertEquals(throttle.take(1000), 100);
  assertEquals(throttle.take(1100), 100);
  assertEquals(throttle.take(1300), 0);
});

Deno.test("Throttle gives the burst back with time, and no more than it", () => {
  const throttle = new Throttle(10, 2);
  for (let i = 0; i < 2; i++) throttle.take(0);
  assertEquals([0, 1, 2].map(() => throttle.take(1_000_000)), [0, 0, 100]);
});

Deno.test("Throttle holds the rate over time for a sender who waits as told", () => {
  const throttle = new Throttle(5, 20);
  let now = 0;
  for (let i = 0; i < 120; i++) now += throttle.take(now);
  assertEquals(Math.round(now), 20_000);
});

Deno.test("Throttle lets the next wait less for one that is given back", () => {
  const throttle = new Throttle(10, 1);
  assertEquals([throttle.take(0), throttle.take(0)], [0, 100]);
  throttle.giveBack();
  assertEquals(throttle.take(0), 100);
});

Deno.test("Throttle counts an event as several", () => {
  const throttle = new Throttle(10, 5);
  assertEquals([throttle.take(0, 4), throttle.take(0, 3)], [0, 200]);
  throttle.giveBack(3);
  assertEquals(throttle.take(0), 0);
});

Deno.test("Throttle of rate 0 lifts the limit", () => {
  const throttle = new Throttle(0, 1);
  for (let i = 0; i < 1000; i++) assertEquals(throttle.take(0), 0);
});

Deno.test("Throttle checks its rate and its burst", () => {
  assertThrows(
    () => new Throttle(NaN, 1),
    RangeError,
    "rate must be a number of at least 0, got NaN",
  );
  assertThrows(() => new Throttle(1, 0), RangeError, "burst must be a number of at least 1, got 0");
  const text = "10" as unknown as number;
  assertThrows(
    () => new Throttle(text, 1),
    TypeError,
    'rate must be a number of at least 0, got string "10"',
  );
  assertEquals(new Throttle(0, Infinity).take(0), 0);
});
