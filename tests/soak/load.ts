/** A kind of traffic. @module */

import type { Random } from "../_support/stress/random.ts";
import type { Book } from "./book.ts";
import type { BadNetwork } from "./network.ts";

/** Servers, and clients that keep them busy. */
export interface Load extends AsyncDisposable {
  /**
   * Works until `stop`, closes all connections of its clients, and compares what both sides have counted.
   */
  round(random: Random, stop: () => boolean): Promise<void>;
}

/** Starts the servers of a load. */
export type StartLoad = (network: BadNetwork, book: Book) => Promise<Load>;

/** Lets several workers repeat a piece of work until `stop`, each with random choices of its own. */
export async function repeat(
  workers: number,
  random: Random,
  stop: () => boolean,
  work: (random: Random) => Promise<void>,
): Promise<void> {
  await Promise.all(Array.from({ length: workers }, async () => {
    const own = random.fork();
    while (!stop()) await work(own);
  }));
}
