/**
 * What a router and the wrappers around it cost, ours against those of Hono: a route with a parameter,
 * JSON, CORS, a request id and an access log to the same sink, on the same transport.
 *
 * @module
 */

import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  hasHono,
  runRounds,
} from "./_bench.ts";
import { ask, needWrk } from "./_wrk.ts";

const PEERS = "tests/bench/peers";
const CONNECTIONS = 32;
const HARDENED = "ours, hardened";
const BARE = "ours on bare Deno.serve";
const HONO = "Hono on ours";
const HONO_HARDENED = "Hono on ours, hardened";
const HONO_BARE = "Hono on bare Deno.serve";

/** Measures the CPU time of a request. */
export async function benchHttpWrappers(bench: Bench): Promise<Figure[]> {
  await needWrk();
  const title = `HTTP router and wrappers, CPU time of a request, ${CONNECTIONS} connections`;
  const series = await runRounds(bench, title, await contendersOf(bench), async (server) => {
    const flags = ["-H", "Origin: https://app.test"];
    const { value, server: used } = await ask(bench, server, "/users/7", CONNECTIONS, flags);
    return { value: used!.cores / value * 1e6 };
  });
  return [{
    title,
    unit: "µs",
    note: "wrk with one thread; all threads of the server count",
    series,
    targets: [
      { against: [HONO], atMost: 1 },
      { of: BARE, against: [HONO_BARE], atMost: 1 },
      { of: HARDENED, against: [HONO_HARDENED], atMost: 1 },
      { against: [HONO_BARE] },
      { of: HARDENED, against: [HONO_BARE] },
    ],
  }];
}

async function contendersOf(bench: Bench): Promise<Contender[]> {
  const ours = denoServer(bench, `${PEERS}/http_wrappers_ours.ts`);
  const hono = denoServer(bench, `${PEERS}/http_wrappers_hono.ts`, "--no-lock");
  return [
    { name: "ours", command: [...ours, "deno"] },
    { name: BARE, command: [...ours, "bare"] },
    { name: HARDENED, command: [...ours, "hardened"] },
    ...await hasHono(bench, HONO)
      ? [
        { name: HONO, command: [...hono, "deno"] },
        { name: HONO_BARE, command: [...hono, "bare"] },
        { name: HONO_HARDENED, command: [...hono, "hardened"] },
      ]
      : [],
  ];
}
