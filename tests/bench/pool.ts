/** The pool: many users of few connections, against connections lent by hand and none kept. @module */

import { type Bench, denoServer, type Figure, type Measurement } from "./_bench.ts";
import { Child, startServer } from "./_process.ts";

const USERS = 50;
const CLIENTS = [
  { name: "ours", file: "pool_ours.ts" },
  { name: "ten bare connections", file: "pool_bare.ts" },
  { name: "one connection each", file: "pool_none.ts" },
];

/** Measures questions per second through ten connections, small ones and large ones. */
export async function benchPool(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of [64, 64 * 1024]) figures.push(await benchSize(bench, size));
  return figures;
}

async function benchSize(bench: Bench, size: number): Promise<Figure> {
  const { rounds, measure } = bench.settings;
  const what = size < 1024 ? `${size} bytes` : `${size / 1024} KiB`;
  const title = `Pool, ${USERS} users of 10 connections, ${what} a question`;
  const series = CLIENTS.map(({ name }) => ({ name, rounds: new Array<Measurement>() }));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < CLIENTS.length; i++) {
      bench.signal.throwIfAborted();
      const at = (round + i) % CLIENTS.length;
      const { name, file } = CLIENTS[at]!;
      bench.progress(`${title}: round ${round + 1} of ${rounds}, ${name}`);
      await using server = await startServer(denoServer(bench, "tests/bench/peers/echo_bare.ts"));
      const args = [server.port, USERS, size, measure].map(String);
      await using client = new Child([
        ...denoServer(bench, `tests/bench/peers/${file}`),
        ...args,
      ]);
      const [, json = ""] = await client.line(/^end (.*)$/, 60_000 + measure);
      const { count, ns } = JSON.parse(json) as { count: number; ns: number };
      series[at]!.rounds[round] = { value: count / (ns / 1e9) };
    }
  }
  return {
    title,
    unit: "questions/s",
    note: "each user asks, waits for the whole answer, and asks again; the server is a bare echo",
    series,
    targets: [{ against: ["ten bare connections"] }, { against: ["one connection each"] }],
  };
}
