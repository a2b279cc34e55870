/**
 * The options of a scan, and the types of its results.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ScannedTls } from "./_details.ts";

/** What a port is: `error` means that this side could not find out. */
export type ScanState = "open" | "closed" | "filtered" | "error";

/** One port of one host. */
export interface ScanResult {
  /** The host as it was given. */
  readonly host: string;
  /** Its address; empty if it has none. */
  readonly address: string;
  /** The port; 0 if the host could not be resolved. */
  readonly port: number;
  /** What it is. */
  readonly state: ScanState;
  /** The name of its service in the registry of IANA, if it has one. */
  readonly service?: string | undefined;
  /** How long the answer took, in milliseconds; undefined without one. */
  readonly rtt?: number | undefined;
  /** Why it is not open, e.g. `ECONNREFUSED`, `ETIMEDOUT`, `EMFILE`. */
  readonly reason?: string | undefined;
  /** What the server said first, one line, escaped; with `banner`. */
  readonly banner?: string;
  /** What TLS says; with `tls`, where it is spoken. */
  readonly tls?: ScannedTls;
}

/** Options of `scan`. All times are in milliseconds. */
export interface ScanOptions {
  /**
   * The ports: numbers, or as on the command line, `22,80,1-1024`, `-`, `60000-`, `https`.
   *
   * @default the 100 that are open most often, by this project's own list
   */
  ports?: string | readonly number[];
  /**
   * Connections at once.
   *
   * @default 100
   */
  concurrency?: number;
  /**
   * How long a connection may take before its port counts as filtered.
   *
   * @default 1000
   */
  timeout?: number;
  /**
   * How often a port that does not answer is tried again.
   *
   * @default 0, with `adaptive` 1
   */
  retries?: number;
  /** Connections a second; 0 for any number. @default 0 */
  rate?: number;
  /**
   * Learns the time limit of a host from the round trips seen (RFC 6298), 100 ms at least, so that
   * filtered ports do not cost the whole `timeout` each, and opens up to five times `concurrency`
   * as long as the host answers.
   *
   * @default false
   */
  adaptive?: boolean;
  /** Repeats the order of another scan with the same seed. @default by chance */
  seed?: number;
  /** Reads what open ports say first. @default false */
  banner?: boolean;
  /** Tries TLS on open ports. @default false */
  tls?: boolean;
  /**
   * Threads that connect.
   *
   * @default 1, for 10,000 ports and more as many as there are cores, at most 4
   */
  workers?: number;
  /** Gives up; the loop throws its reason. */
  signal?: AbortSignal;
}
