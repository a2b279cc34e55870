/**
 * A stress test for proxies: many clients that pipeline, and servers that close, reset and stall at
 * every point. Every response is checked against its request, and every request that a server sees
 * against what clients have sent.
 *
 * As a program it tests any proxy on this machine, which has to allow all ports of 127.0.0.1:
 * `deno run -A tests/_support/stress/run.ts --port 3128 --seconds 30 --seed 1`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { ProxyOptions } from "../../../http/proxy/options.ts";
import { type Door, runClient } from "./client.ts";
import { Ledger, type Tally } from "./ledger.ts";
import { Origin } from "./origin.ts";
import { Random } from "./random.ts";
import { Tunnels } from "./tunnel.ts";

/** Options of {@linkcode stress}. */
export interface StressOptions {
  /** The proxies to choose from. All have hooks, or none. */
  readonly doors: readonly Door[];
  readonly seed: number;
  /** Returns whether the clients begin nothing more. */
  readonly stop: () => boolean;
  /** How many requests at most. */
  readonly requests: number;
  readonly clients: number;
  readonly tunnels: number;
  /** Whether a reset at one end of a tunnel has to arrive at the other. */
  readonly resets: boolean;
}

/** What came of it. */
export interface StressReport {
  readonly tally: Tally;
  /** What must never happen, by kind. */
  readonly wrong: ReadonlyMap<string, readonly string[]>;
}

/** Returns a function for `stop`: true after this time in milliseconds. */
export function stopAfter(millis: number): () => boolean {
  const end = performance.now() + millis;
  return () => performance.now() > end;
}

/** Runs the stress test. The ledger is what the hooks of the proxies have to know. */
export async function stress(ledger: Ledger, options: StressOptions): Promise<StressReport> {
  const random = new Random(options.seed);
  await using stack = new AsyncDisposableStack();
  const origins: Origin[] = [];
  for (let i = 0; i < 4; i++) {
    origins.push(stack.use(await Origin.start(ledger, random.fork())));
  }
  const tunnels = stack.use(await Tunnels.start(ledger, options.resets));
  const stop = () => options.stop() || ledger.tally.sent >= options.requests;
  const work: Promise<void>[] = [];
  for (let i = 0; i < options.clients; i++) {
    work.push(runClient(ledger, random.fork(), options.doors, origins, stop));
  }
  for (let i = 0; i < options.tunnels; i++) {
    work.push(tunnels.run(random.fork(), options.doors, stop));
  }
  await Promise.all(work);
  return { tally: ledger.tally, wrong: ledger.wrong };
}

/** Returns hooks that do what the ledger says. */
export function hooksOf(ledger: Ledger): Pick<ProxyOptions, "onRequest" | "onResponse"> {
  const find = (target: string) => {
    const [, id] = /\/r\/(\d+)$/.exec(target) ?? [];
    return id === undefined ? undefined : ledger.find(Number(id));
  };
  const answer = (status: number, id: number) => ({
    status,
    headers: { "X-Id": `${id}` },
    body: `hook ${id}`,
  });
  return {
    async onRequest({ target, fields }) {
      const asked = find(target);
      if (asked === undefined) return;
      if (asked.id % 7 === 0) await new Promise((resolve) => setTimeout(resolve));
      fields.set("X-Hook", `${asked.id}`);
      return asked.hook === "answer" ? answer(299, asked.id) : undefined;
    },
    async onResponse({ fields }, { target }) {
      const asked = find(target);
      if (asked === undefined) return;
      if (asked.id % 5 === 0) await new Promise((resolve) => setTimeout(resolve));
      fields.set("X-Hooked", `${asked.id}`);
      return asked.hook === "replace" ? answer(298, asked.id) : undefined;
    },
  };
}

if (import.meta.main) {
  const { port, seconds = "30", seed = "1", clients = "24" } = parseArgs(Deno.args, {
    string: ["port", "seconds", "seed", "clients"],
  });
  const report = await stress(new Ledger(), {
    doors: [{ port: Number(port), hooks: false }],
    seed: Number(seed),
    stop: stopAfter(Number(seconds) * 1000),
    requests: Infinity,
    clients: Number(clients),
    tunnels: 4,
    resets: false,
  });
  console.log(report.tally);
  for (const [kind, list] of report.wrong) console.log(`${list.length}: ${kind}\n  ${list[0]}`);
}
