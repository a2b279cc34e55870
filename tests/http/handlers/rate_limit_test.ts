import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ProblemError } from "../../../http/problem.ts";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import { call, infoOf, ok } from "./_call.ts";

Deno.test("rateLimit() does not forget a client that sends more requests", async () => {
  const handler = rateLimit(ok, { limit: 1, window: 3_600_000, maxKeys: 3 });
  const seen: string[] = [];
  for (const who of ["a", "a", "b", "a", "c", "a", "d", "a", "e", "a"]) {
    seen.push(`${who}${(await call(handler, {}, infoOf(who))).status}`);
  }
  assertEquals(seen.filter((one) => one === "a200").length, 1, seen.join(" "));
});

Deno.test("rateLimit() never renews the budget of an endless window", async () => {
  for (const limit of [1, 3]) {
    const handler = rateLimit(ok, { limit, window: Infinity });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await call(handler)).status);
    assertEquals(statuses, [200, 200, 200, 200, 200].map((good, i) => i < limit ? good : 429));
  }
});

Deno.test("rateLimit() states the rest of the limit", async () => {
  const handler = rateLimit(ok, { limit: 2, window: 60_000 });
  const seen = [];
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await call(handler);
    seen.push([
      status,
      ...["limit", "remaining", "policy"].map((one) => headers.get(`ratelimit-${one}`)),
    ]);
    assertMatch(headers.get("ratelimit-reset")!, /^(30|60)$/);
  }
  assertEquals(seen, [
    [200, "2", "1", "2;w=60"],
    [200, "2", "0", "2;w=60"],
    [429, "2", "0", "2;w=60"],
  ]);
  const silent = await call(rateLimit(ok, { headers: false }));
  assertEquals(silent.headers.get("ratelimit-limit"), null);
});

Deno.test("rateLimit() uses a store, and refuses requests if it fails", async () => {
  const asked: unknown[] = [];
  const decision = { allowed: true, remaining: 4, reset: 1500, retryAfter: 0 };
  const store = {
    take: (...args: unknown[]) => {
      asked.push(args);
      return asked.length < 3
        ? Promise.resolve(
          asked.length === 1 ? decision : { ...decision, allowed: false, retryAfter: 9001 },
        )
        : Promise.reject(new Error("down"));
    },
  };
  const handler = rateLimit(ok, { limit: 5, window: 1000, store, key: () => "k" });
  const first = await call(handler);
  assertEquals([first.status, first.headers.get("ratelimit-reset")], [200, "2"]);
  assertEquals((await call(handler)).headers.get("retry-after"), "10");
  const error = await assertRejects(() => call(handler), ProblemError);
  assertEquals(error.status, 503);
  assertEquals(asked[0], ["k", { limit: 5, window: 1000 }]);
  const broken = {
    take: () =>
      (() => {
        throw new Error("down");
      })(),
  };
  const thrown = await assertRejects(() => call(rateLimit(ok, { store: broken })), ProblemError);
  assertEquals(thrown.status, 503);
});

Deno.test("rateLimit() counts each client separately, and a network of IPv6 as one", async () => {
  const handler = rateLimit(ok, { limit: 1, window: 3_600_000 });
  const status = async (hostname: string) => (await call(handler, {}, infoOf(hostname))).status;
  assertEquals(await status("10.0.0.1"), 200);
  assertEquals(await status("::ffff:10.0.0.1"), 429);
  assertEquals(await status("10.0.0.2"), 200);
  assertEquals(await status("2001:db8::1"), 200);
  assertEquals(await status("2001:db8:0:0:ffff::2"), 429);
  assertEquals(await status("2001:db8:0:1::1"), 200);
});

Deno.test("rateLimit() sends Retry-After, and remembers at most maxKeys clients", async () => {
  const handler = rateLimit(ok, { limit: 1, window: 60_000, maxKeys: 2 });
  const ask = (hostname: string) => call(handler, {}, infoOf(hostname));
  await ask("a");
  assertEquals((await ask("a")).headers.get("retry-after"), "60");
  await ask("b");
  await ask("c");
  assertEquals((await ask("a")).status, 200); // It was forgotten.
  assertEquals((await ask("c")).status, 429);
});
