/** Runs all loads together, round by round, and measures between the rounds. @module */

import { delay } from "@std/async/delay";
import { Random } from "../_support/stress/random.ts";
import { Book } from "./book.ts";
import { ChatLoad } from "./chat_load.ts";
import { startHttpLoad } from "./http_load.ts";
import type { Load, StartLoad } from "./load.ts";
import { MailLoad } from "./mail_load.ts";
import { findLeaks, measure, type Sample } from "./measures.ts";
import { BadNetwork } from "./network.ts";
import { startProxyLoad } from "./proxy_load.ts";
import { startWsLoad } from "./ws_load.ts";

const LOADS: readonly StartLoad[] = [
  (network, book) => ChatLoad.start(network, book),
  startProxyLoad,
  startHttpLoad,
  startWsLoad,
  (network, book) => MailLoad.start(network, book),
];

/** Maximum time of a round, in milliseconds. Everything is at rest after it. */
const ROUND = 10_000;
/** Minimum number of rounds: the end of one is compared with the end of another. */
const ROUNDS = 3;

/** Options of {@linkcode soak}. */
export interface SoakOptions {
  readonly millis: number;
  readonly seed: number;
  /** Called after each round. */
  readonly onRound?: (sample: Sample, book: Book) => void;
  readonly signal?: AbortSignal;
}

/** What came of a run. */
export interface SoakReport {
  readonly book: Book;
  /** One after each round. */
  readonly samples: readonly Sample[];
  /** What has grown. */
  readonly leaks: readonly string[];
}

/** Measures when everything has ended that a round has begun, or when that takes too long. */
async function measureAtRest(since: number, first: Sample | undefined): Promise<Sample> {
  for (let left = 100;; left--) {
    const sample = measure(since);
    const { resources, timers } = first ?? sample;
    if (left === 0 || (sample.resources.length <= resources.length && sample.timers <= timers)) {
      return sample;
    }
    await delay(50);
  }
}

/** Runs the loads. */
export async function soak({ millis, seed, onRound, signal }: SoakOptions): Promise<SoakReport> {
  const random = new Random(seed);
  const book = new Book();
  const samples: Sample[] = [];
  const since = performance.now();
  const before = measure(since);
  {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(new BadNetwork());
    const loads: Load[] = [];
    for (const start of LOADS) loads.push(stack.use(await start(network, book)));
    const length = Math.min(ROUND, millis / ROUNDS);
    while (!signal?.aborted && (samples.length < ROUNDS || performance.now() - since < millis)) {
      const end = performance.now() + length;
      const stop = () => performance.now() > end || signal?.aborted === true;
      await Promise.all([
        network.disturb(random.fork(), stop),
        ...loads.map((load) => load.round(random.fork(), stop)),
      ]);
      await network.settled();
      const sample = await measureAtRest(since, samples[0]);
      samples.push(sample);
      onRound?.(sample, book);
    }
  }
  const after = measure(since);
  const leaks = findLeaks(samples);
  if (after.timers > before.timers) leaks.push(`time limits after the end: ${after.timers}`);
  if (after.resources.length > before.resources.length) {
    leaks.push(`resources after the end: ${after.resources}`);
  }
  return { book, samples, leaks };
}
