/**
 * The options and the results of `watchPath`.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The options of `watchPath`. All times are in milliseconds. */
export interface WatchOptions {
  /**
   * Whether each round measures the route, or the host alone.
   *
   * @default "trace"
   */
  mode?: "ping" | "trace";
  /**
   * The time from the start of a round to the start of the next one, at least 200. Most routers answer
   * about once per second.
   *
   * @default 1000
   */
  interval?: number;
  /**
   * The number of rounds; 0 for no end.
   *
   * @default 0
   */
  rounds?: number;
  /**
   * The time limit of the name resolution and of each round.
   *
   * @default 5000
   */
  timeout?: number;
  /**
   * The IP version of the address: 4 or 6.
   *
   * @default both
   */
  family?: 4 | 6;
  /** Ends the measurement. The iteration then ends without an error. */
  signal?: AbortSignal;
}

/** The measurements of one hop. Times are in milliseconds, and undefined without any answer. */
export interface WatchedHop {
  /** The distance, from 1. */
  readonly hop: number;
  /** The addresses that have answered, the first one first. */
  readonly addresses: readonly string[];
  /** The number of requests. */
  readonly sent: number;
  /** The number of answers. */
  readonly received: number;
  /** The lost part of the requests, from 0 to 1. */
  readonly loss: number;
  /** The last time. */
  readonly last?: number;
  /** The shortest time. */
  readonly best?: number;
  /** The mean of all times. */
  readonly average?: number;
  /** The longest time. */
  readonly worst?: number;
  /** The mean difference between consecutive times. */
  readonly jitter?: number;
  /** The last 512 times in their order; undefined for a request without an answer. */
  readonly samples: readonly (number | undefined)[];
}

/** The state of a measurement after a round. */
export interface WatchedPath {
  /** The host as it was given. */
  readonly host: string;
  /** The address that is measured. */
  readonly address: string;
  /** The number of rounds so far. */
  readonly rounds: number;
  /** Whether the host itself has answered. */
  readonly reached: boolean;
  /** The hops up to the host, or up to the last answer. With the mode "ping", the host alone. */
  readonly hops: readonly WatchedHop[];
}
