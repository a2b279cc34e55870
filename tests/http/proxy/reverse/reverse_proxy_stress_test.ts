import { assert, assertEquals } from "@std/assert";
import { reverseProxy } from "../../../../http/proxy/reverse/reverse_proxy.ts";
import { serveHttp } from "../../../../http/server/server.ts";
import { Ledger } from "../../../_support/stress/ledger.ts";
import { stopAfter, stress } from "../../../_support/stress/run.ts";

/** CI takes its time; STRESS_SECONDS and STRESS_SEED say otherwise. */
const SECONDS = Number(Deno.env.get("STRESS_SECONDS") ?? (Deno.env.has("CI") ? 30 : 8));
const SEED = Number(Deno.env.get("STRESS_SEED") ?? 1);

Deno.test("a reverse proxy mixes nothing up while servers break off everywhere", async () => {
  const ledger = new Ledger();
  // The clients of this test name the server in the target. No real proxy may listen to them.
  const proxy = reverseProxy(({ url }) => new URL(url).origin, {
    // A server that hangs must not hold its client up for long.
    responseTimeout: 3000,
    bodyTimeout: 3000,
  });
  await using server = serveHttp({ hardened: true, maxConnections: 10_000 }, proxy);
  const { tally, wrong } = await stress(ledger, {
    doors: [{ port: server.addr.port, hooks: false }],
    seed: SEED,
    stop: stopAfter(SECONDS * 1000),
    requests: SECONDS * 3000,
    clients: 24,
    tunnels: 0,
    resets: false,
  });
  const examples = [...wrong].map(([kind, list]) => `${list.length} × ${kind}: ${list[0]}`);
  assertEquals(examples, [], `seed ${SEED}, ${JSON.stringify(tally)}`);
  assert(tally.answered > tally.sent / 2, JSON.stringify(tally));
  const { retries, targets } = proxy.stats();
  assert(retries > 0 && retries >= tally.repeated, `${retries} retries`);
  assertEquals(targets.map(({ active }) => active), [0, 0, 0, 0]);
});
