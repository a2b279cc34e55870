/**
 * The options of {@linkcode queryDns}, its answers, and servers that are reached in another way than
 * over UDP, TCP or TLS.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsClientSettings } from "../tls/options.ts";
import type { DnsMessage } from "./codec.ts";
import type { DnsCookie } from "./extension.ts";

export type { TlsClientSettings };

/** A protocol that carries DNS messages. */
export type DnsTransport = "https" | "tcp" | "tls" | "udp";

/** The limits of one exchange with a server. */
export interface DnsExchangeLimits {
  /** Time limit in milliseconds; Infinity for no limit. */
  readonly timeout: number;
  /** Cancels the exchange. */
  readonly signal: AbortSignal | undefined;
}

/** The result of one exchange with a server. */
export interface DnsExchanged {
  /** The bytes of the answer. */
  readonly message: Uint8Array;
  /** Seconds for which a cache on the way has kept the answer. @default 0 */
  readonly age?: number;
}

/** A server that is reached in its own way, for example over HTTPS. */
export interface DnsServer {
  /** The server, for error messages and for `server` of its answers. */
  readonly name: string;
  /** The protocol that carries the messages. */
  readonly transport: DnsTransport;
  /**
   * Sends a message and returns the answer.
   *
   * @param message The bytes of the question.
   * @param limits The limits of this exchange.
   * @returns The bytes of the answer.
   */
  exchange(message: Uint8Array<ArrayBuffer>, limits: DnsExchangeLimits): Promise<DnsExchanged>;
}

/** Settings of TLS for DNS over TLS. */
export type DnsTlsOptions = Pick<
  TlsClientSettings,
  "caCerts" | "cert" | "key" | "minVersion" | "pin" | "serverName"
>;

/** Options of a query that do not depend on the server. */
export interface DnsQuerySettings {
  /**
   * Time limit for the whole query in milliseconds; 0 for no limit. Over UDP, the query is repeated
   * after one seventh of this time, and again after two further sevenths.
   *
   * @default 5000
   */
  timeout?: number;
  /**
   * Whether to use TCP from the start.
   *
   * @default false
   */
  tcp?: boolean;
  /**
   * Whether to use TLS (RFC 7858), and its settings. The certificate must be valid for `serverName`,
   * or for the address of the server if there is none.
   *
   * @default false
   */
  tls?: boolean | DnsTlsOptions;
  /**
   * Whether the server should query other servers for records that it does not have.
   *
   * @default true
   */
  recursion?: boolean;
  /**
   * Whether the answer should contain the records of DNSSEC (DO). This client does not validate them.
   *
   * @default false
   */
  dnssec?: boolean;
  /**
   * Whether the server should skip its own validation by DNSSEC (CD).
   *
   * @default false
   */
  checkingDisabled?: boolean;
  /**
   * Whether the server should send its identifier, as `extension.nsid` (RFC 5001).
   *
   * @default false
   */
  nsid?: boolean;
  /**
   * The subnet of the client that the answer is for, such as `192.0.2.0/24` (RFC 7871). `0.0.0.0/0`
   * asks resolvers not to send one.
   *
   * @default none
   */
  clientSubnet?: string;
}

/** Options of {@linkcode queryDns}. */
export interface QueryDnsOptions extends DnsQuerySettings {
  /** The IP address of the server, or a server that is reached in its own way. */
  server: string | DnsServer;
  /**
   * The port of the server.
   *
   * @default 53; 853 with `tls`
   */
  port?: number;
  /**
   * The cookie to send (RFC 7873). Answers over UDP with another client cookie are ignored. If the
   * server requires its own cookie (BADCOOKIE), the query is repeated with that one.
   *
   * @default none
   */
  cookie?: DnsCookie;
  /** Cancels the query, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** The answer of a server. */
export interface DnsAnswer extends DnsMessage {
  /** The server with its port, for example `192.0.2.53:53`. */
  readonly server: string;
  /** The protocol over which the answer arrived. */
  readonly transport: DnsTransport;
  /** The duration of the query in milliseconds. */
  readonly time: number;
}
