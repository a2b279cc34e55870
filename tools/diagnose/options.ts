/**
 * Options of a diagnosis.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { DnsQuerySettings } from "../../net/dns/query_options.ts";
import type { DnsType } from "../../net/dns/record.ts";
import type { DiagnoseStep, DiagnoseStepName } from "./diagnosis.ts";

/** The queries of name servers. */
export interface DiagnoseLookUp
  extends
    Pick<DnsQuerySettings, "checkingDisabled" | "clientSubnet" | "dnssec" | "nsid" | "recursion"> {
  /**
   * A second name server, whose answers are compared with those of `server`, or of the system. It
   * requires that "dns" is the only step.
   *
   * @default none
   */
  compare?: string;
  /**
   * Whether to follow the name from the root servers, without `server`. It requires that "dns" is the
   * only step. Each type takes at most 100 queries, each with the limit `timeout`.
   *
   * @default false
   */
  trace?: boolean;
  /**
   * The IP addresses of the root servers for `trace`.
   *
   * @default the root servers of the Internet
   */
  roots?: readonly string[];
  /**
   * The port of all servers of `trace`.
   *
   * @default 53
   */
  rootPort?: number;
}

/** Options of `diagnose`. All times are in milliseconds. */
export interface DiagnoseOptions {
  /**
   * The steps to take. A step that another one needs runs in any case, e.g. the name resolution.
   *
   * @default all except "mtu", which runs if packets seem to vanish
   */
  steps?: readonly DiagnoseStepName[];
  /**
   * Time limit of each wait: for an address, a connection, a handshake, a response.
   *
   * @default 5000
   */
  timeout?: number;
  /**
   * Time limit of the route trace.
   *
   * @default 20000
   */
  traceTimeout?: number;
  /**
   * Number of echo requests, from 1 to 1000.
   *
   * @default 4
   */
  count?: number;
  /**
   * A name server to query in addition to the resolver of the system, or several, of which the first one
   * that answers counts: its IP address, with a port if it is not the usual one, `tcp://ADDRESS`,
   * `tls://ADDRESS` or `tls://ADDRESS#NAME` for DNS over TLS, or the URL of DNS over HTTPS.
   *
   * @default none
   */
  server?: string | readonly string[];
  /**
   * The queries of name servers, besides their types.
   *
   * @default the usual queries
   */
  lookUp?: DiagnoseLookUp;
  /**
   * Types of the records to query from the name server.
   *
   * @default A and AAAA, if the system cannot resolve the name or `server` is given
   */
  types?: readonly DnsType[];
  /** Trusted certificates in PEM, in addition to the usual authorities. @default none */
  caCerts?: readonly string[];
  /** The certificate of this client in PEM, for servers that require one. It needs `key`. @default none */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). @default none */
  key?: string;
  /**
   * The pins of the server, one of which must match, as for `connectTls`. They replace the verification
   * of the authority and of the name.
   *
   * @default none
   */
  pin?: string | readonly string[];
  /**
   * Header fields of the HTTP requests to the host. Other hosts, which redirects lead to, do not get them.
   *
   * @default none
   */
  headers?: HeadersInit;
  /**
   * The URL of a proxy (`http:`, `https:`, `socks5:`) that leads to the host. The steps before TLS then
   * check the path to the proxy.
   *
   * @default none
   */
  proxy?: string;
  /**
   * The IP version of the addresses to use: 4 or 6.
   *
   * @default both
   */
  family?: 4 | 6;
  /** Called with each completed step. */
  onStep?: (step: DiagnoseStep) => void;
  /**
   * Cancels the diagnosis, which rejects with the reason of the signal. Running programs are ended.
   */
  signal?: AbortSignal;
}
