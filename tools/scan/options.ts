/**
 * Options of a scan, and the types of its results.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ScannedService } from "./_identify.ts";
import type { ScannedTls } from "./_open_port_details.ts";

/**
 * The state of a port. `error` means that the scan could not determine it. `open|filtered` is a UDP port
 * that does not answer: a service that ignores the datagram, a firewall, or a lost answer.
 */
export type ScanState = "open" | "closed" | "filtered" | "error" | "open|filtered";

/** One port of one host. */
export interface ScanResult {
  /** The host as it was given. */
  readonly host: string;
  /** The address of the host; empty if it has none. */
  readonly address: string;
  /** The port; 0 if the host could not be resolved. */
  readonly port: number;
  /** The state of the port. */
  readonly state: ScanState;
  /** `udp` for a port of UDP; undefined for TCP. */
  readonly transport?: "udp";
  /** The name of the service in the IANA registry; undefined if there is none. */
  readonly service?: string | undefined;
  /** Response time in milliseconds; undefined without an answer. */
  readonly rtt?: number | undefined;
  /** Error code of a port that is not open, e.g. `ECONNREFUSED`, `ETIMEDOUT`, `EMFILE`. */
  readonly reason?: string | undefined;
  /** The first line from the server, escaped; only with `banner` or `service`. */
  readonly banner?: string;
  /** Details of the TLS handshake; only with `tls` or `service`, if the port supports TLS. */
  readonly tls?: ScannedTls;
  /** The service that listens; only with `service` or `udp`, if it is known. */
  readonly detected?: ScannedService;
}

/** Options of `scan`. All times are in milliseconds. */
export interface ScanOptions {
  /**
   * The ports: numbers, or a text as on the command line, `22,80,1-1024`, `-`, `60000-`, `https`.
   *
   * @default the 100 ports that are open most often, from a list of this project; for UDP about 40
   */
  ports?: string | readonly number[];
  /**
   * Targets to leave out: names, addresses, networks and ranges. An address is also left out if a name
   * leads to it.
   *
   * @default none
   */
  exclude?: readonly string[];
  /**
   * Connections at once, from 1 to 10,000. Without it, the number starts at 200, grows to 1000 while
   * hosts answer, and shrinks if answers are lost (AIMD) or file descriptors run out.
   *
   * @default a number that adapts
   */
  concurrency?: number;
  /**
   * Time limit of an attempt. Without it, the limit follows the round-trip times of the host
   * (RFC 6298). It is longer than the second after which the kernel repeats a SYN, so each attempt
   * survives the loss of one.
   *
   * @default a time that adapts, from 1150 to 6000
   */
  timeout?: number;
  /**
   * Further attempts for a port that does not answer, from 0 to 100. After the last one, the port counts
   * as filtered. Without it, the number follows the share of lost answers of the host.
   *
   * @default a number that adapts, from 1 to 4
   */
  retries?: number;
  /** Most connections per second; 0 lifts the limit. @default 0 */
  rate?: number;
  /**
   * Largest scan: addresses multiplied by ports. A name counts as one address. An array of targets is
   * counted before the scan connects, other iterables while it goes on. 0 lifts the limit.
   *
   * @default 10_000_000
   */
  maxProbes?: number;
  /**
   * Integer from 0 to 4294967295. The same seed gives the same order of ports.
   *
   * @default a random number
   */
  seed?: number;
  /**
   * Scans UDP instead of TCP. A port is open if it answers a datagram of its usual service, and closed or
   * filtered if ICMP says so. For that, Linux needs `--allow-ffi`; without it, such ports are
   * `open|filtered`. The defaults are 100 ports at once, 500 ms for the first answer and twice the time
   * after each of 2 repetitions. Machines send few ICMP messages per second, so closed ports can be
   * `open|filtered`, too; `rate` helps. `banner`, `tls`, `service` and `workers` have no effect.
   *
   * @default false
   */
  udp?: boolean;
  /** Reads the first line from each open port. @default false */
  banner?: boolean;
  /** Tries a TLS handshake on each open port. @default false */
  tls?: boolean;
  /**
   * Identifies the services of open ports by their greetings, by a TLS handshake, and by a few probes:
   * SSH, SMTP, FTP, IMAP, POP3, NNTP, HTTP, Redis, PostgreSQL, MySQL, RDP, DNS, VNC, Telnet, memcached.
   *
   * @default false
   */
  service?: boolean;
  /**
   * Number of threads that connect, from 1 to 64: this one, and Workers. A scan with `rate` has only one.
   *
   * @default 1; for 10,000 ports and more the number of cores, at most 4
   */
  workers?: number;
  /** Cancels the scan. The loop throws the reason of the signal. */
  signal?: AbortSignal;
}
