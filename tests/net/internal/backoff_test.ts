import { backoff } from "../../../net/internal/backoff.ts";
import { MAX_TIMER } from "../../../net/internal/options.ts";
import { assert, assertEquals } from "@std/assert";

Deno.test("backoff() doubles the wait up to its maximum", () => {
  const settings = { minTimeout: 100, maxTimeout: 500 };
  assertEquals([1, 2, 3, 4, 5].map((n) => backoff(n, settings)), [100, 200, 400, 500, 500]);
});

Deno.test("backoff() gives a wait that a timer can take, whatever the settings", () => {
  assertEquals(backoff(5000, { minTimeout: 0 }), 0);
  assertEquals(backoff(5000, { minTimeout: 1 }), MAX_TIMER);
  assertEquals(backoff(1, { minTimeout: Infinity, maxTimeout: Infinity }), MAX_TIMER);
});

Deno.test("backoff() grows by the multiplier", () => {
  assertEquals([1, 2, 3].map((n) => backoff(n, { minTimeout: 10, multiplier: 3 })), [10, 30, 90]);
  assertEquals(backoff(9, { minTimeout: 10, multiplier: 1 }), 10);
});

Deno.test("backoff() leaves a part of the wait to chance", () => {
  for (let i = 0; i < 100; i++) {
    const wait = backoff(1, { minTimeout: 100, jitter: 0.5 });
    assert(wait > 50 && wait <= 100, `${wait}`);
  }
});
