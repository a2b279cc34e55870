/**
 * The options of a proxy, what its hooks see, and what it tells.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Http1Fields } from "./http1_codec.ts";

/** A request, as the hooks of a proxy see it. */
export interface ProxyRequest {
  /** The method. */
  readonly method: string;
  /** The target as it was sent: a URL, or host and port of a CONNECT. */
  readonly target: string;
  /** The host that is asked for, in lower case. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The header lines; changing them changes what is sent, except for the framing. */
  readonly fields: Http1Fields;
  /** The address of the client. */
  readonly client: string;
  /** Who the client is, where it had to say so. */
  readonly user: string | undefined;
}

/** A response, as the hooks of a proxy see it. */
export interface ProxyResponse {
  /** The status. */
  readonly status: number;
  /** The reason, as it was sent. */
  readonly reason: string;
  /** The header lines; changing them changes what is sent, except for the framing. */
  readonly fields: Http1Fields;
}

/** An answer of a hook, sent instead of what the server would say or says. */
export interface ProxyAnswer {
  /** The status, 200 to 599. */
  readonly status: number;
  /**
   * The header lines.
   *
   * @default `Content-Type: text/plain; charset=utf-8`
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The body.
   *
   * @default the status in words
   */
  readonly body?: string | Uint8Array;
}

/** What became of one request. */
export interface ProxyEntry {
  /** The method; empty where the request could not be read. */
  readonly method: string;
  /** The target as it was sent, without a password. */
  readonly target: string;
  /** The status that the client got; 0 if it went away before. */
  readonly status: number;
  /** Bytes from the client, with heads. */
  readonly received: number;
  /** Bytes to the client, with heads. */
  readonly sent: number;
  /** How long connecting took, in milliseconds; undefined if a connection was there. */
  readonly connect: number | undefined;
  /** When the head of the response had come, in milliseconds from the request. */
  readonly firstByte: number | undefined;
  /** How long it took in all, in milliseconds. */
  readonly total: number;
  /** The address of the client. */
  readonly client: string;
  /** Who the client is, where it had to say so. */
  readonly user: string | undefined;
  /** What went wrong, if something did. */
  readonly error: string | undefined;
}

/** Counters of a proxy. */
export interface ProxyStats {
  /** Requests that could be read. */
  readonly requests: number;
  /** Requests that were sent again, because a kept connection to a server had ended. */
  readonly retries: number;
  /** Tunnels that were opened. */
  readonly tunnels: number;
  /** Tunnels that are open now. */
  readonly activeTunnels: number;
  /** Requests that the rules refused: 403, 407, 508. */
  readonly denied: number;
  /** Requests that failed otherwise: malformed, too slow, no server for them, or broken off. */
  readonly failed: number;
  /** Bytes from clients. */
  readonly received: number;
  /** Bytes to clients. */
  readonly sent: number;
  /** Connections to servers that wait for their next request. */
  readonly idleUpstream: number;
}

/**
 * Options of `createProxy`. All times are in milliseconds; 0 lifts one. Sizes and counts are whole
 * numbers from 1 up, or Infinity.
 */
export interface ProxyOptions {
  /**
   * The password of each user. With any, requests need them (Basic, RFC 7617).
   *
   * @default none
   */
  users?: Readonly<Record<string, string>>;
  /**
   * The only targets: `example.com`, `.example.com` with all below it, an address, or a block
   * like `10.0.0.0/8`. A block or address lifts what `allowPrivate` is about, for itself.
   *
   * @default everything
   */
  allow?: readonly string[];
  /**
   * Targets that are refused, whatever `allow` says; written in the same way.
   *
   * @default none
   */
  deny?: readonly string[];
  /**
   * Whether private, loopback, link-local and other special addresses may be reached.
   *
   * @default false
   */
  allowPrivate?: boolean;
  /**
   * Gives the addresses of a name. It is asked once for a connection, and what the rules allow of
   * its answer is dialled.
   *
   * @default what the operating system says
   */
  resolve?: (hostname: string) => readonly string[] | Promise<readonly string[]>;
  /**
   * The ports that CONNECT may reach.
   *
   * @default [443]
   */
  connectPorts?: readonly number[] | "any";
  /**
   * The proxy to pass everything on to: `http://user:password@host:port`. It resolves names, so
   * that rules about addresses hold for targets that are written as addresses alone; what only
   * some would read as one, like `0x7f.1` or `010.0.0.1`, is refused.
   *
   * @default none
   */
  upstream?: string;
  /**
   * The name for `Via`, by which a loop is seen. It has to differ from that of other proxies.
   *
   * @default "portside-" and random digits
   */
  name?: string;
  /**
   * The most bytes of a head.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * How long the head of a request may take from its first byte.
   *
   * @default 15000
   */
  headTimeout?: number;
  /**
   * How long a client may be silent between two requests.
   *
   * @default 60000
   */
  idleTimeout?: number;
  /**
   * The longest pause in a body, in either direction, and of a peer that does not read; and,
   * `minBodyRate` apart, how long a client may be waited for in one body in all, until its
   * response begins.
   *
   * @default 60000
   */
  bodyTimeout?: number;
  /**
   * How many bytes from a client buy one second more than `bodyTimeout`, so that long uploads may
   * take long and drops do not: bytes per second. Without `bodyTimeout` it has nothing to say.
   *
   * @default 500
   */
  minBodyRate?: number;
  /**
   * How long resolving and connecting may take.
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * How long a server may take until the head of its response.
   *
   * @default 60000
   */
  responseTimeout?: number;
  /**
   * How long a tunnel may be silent in both directions.
   *
   * @default 300000
   */
  tunnelTimeout?: number;
  /**
   * How long a tunnel may be silent in both directions once one side has ended.
   *
   * @default 30000
   */
  halfCloseTimeout?: number;
  /**
   * Idle connections to servers that are kept, for each host and port. Those to the proxy of
   * `upstream` count for the target of their requests, and serve no other.
   *
   * @default 64
   */
  maxIdlePerHost?: number;
  /**
   * How long they are kept.
   *
   * @default 15000
   */
  keepAliveTimeout?: number;
  /** Sees each request before it is sent; may change its fields, or answer it. */
  onRequest?: (
    request: ProxyRequest,
  ) => ProxyAnswer | void | Promise<ProxyAnswer | void>;
  /** Sees each response before it is sent on; may change its fields, or answer in its place. */
  onResponse?: (
    response: ProxyResponse,
    request: ProxyRequest,
  ) => ProxyAnswer | void | Promise<ProxyAnswer | void>;
  /** Told what became of each request. */
  onEntry?: (entry: ProxyEntry) => void;
}
