import { assert, assertEquals } from "@std/assert";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { Ledger } from "../../_support/stress/ledger.ts";
import { hooksOf, stopAfter, stress, type StressOptions } from "../../_support/stress/run.ts";

/** CI takes its time; STRESS_SECONDS and STRESS_SEED say otherwise. */
const SECONDS = Number(Deno.env.get("STRESS_SECONDS") ?? (Deno.env.has("CI") ? 30 : 8));
const SEED = Number(Deno.env.get("STRESS_SEED") ?? 1);

const OPEN = {
  allowPrivate: true,
  connectPorts: "any",
  maxConnectionsPerAddress: 10_000,
  // A server that hangs must not hold its client up for long.
  responseTimeout: 3000,
  bodyTimeout: 3000,
} as const;
const LOAD: Omit<StressOptions, "doors" | "stop"> = {
  seed: SEED,
  requests: SECONDS * 3000,
  clients: 24,
  tunnels: 4,
  resets: Deno.build.os !== "windows",
};

/** Fails with an example of each kind of what went wrong. */
async function check(ledger: Ledger, options: Omit<StressOptions, "stop">): Promise<void> {
  const { tally, wrong } = await stress(ledger, {
    ...options,
    stop: stopAfter(SECONDS * 1000 / 2),
  });
  const examples = [...wrong].map(([kind, list]) => `${list.length} × ${kind}: ${list[0]}`);
  assertEquals(examples, [], `seed ${SEED}, ${JSON.stringify(tally)}`);
  assert(tally.answered > tally.sent / 2, JSON.stringify(tally));
}

Deno.test("a proxy with hooks mixes nothing up while servers break off everywhere", async () => {
  const ledger = new Ledger();
  await using proxy = serveProxy({ ...OPEN, ...hooksOf(ledger) });
  await check(ledger, { ...LOAD, doors: [{ port: proxy.addr.port, hooks: true }] });
  const { retries, activeTunnels } = proxy.stats();
  assertEquals(activeTunnels, 0);
  assert(retries > 0 && retries >= ledger.tally.repeated, `${retries} retries`);
});

Deno.test("a chain of proxies mixes nothing up while servers break off everywhere", async () => {
  const ledger = new Ledger();
  await using back = serveProxy(OPEN);
  await using front = serveProxy({ ...OPEN, upstream: back.url });
  const doors = [front, back].map(({ addr }) => ({ port: addr.port, hooks: false }));
  await check(ledger, { ...LOAD, seed: SEED + 1, doors });
  assert(back.stats().retries + front.stats().retries >= ledger.tally.repeated);
});
