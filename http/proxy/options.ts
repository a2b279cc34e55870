/**
 * The options of a proxy, what its hooks see, and what it tells.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Http1Fields } from "../http1/codec.ts";

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
  /** Aborted when the time of a hook is up, and when nobody waits for the response any more. */
  readonly signal: AbortSignal;
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
  /** The next proxy as a URL without its login; undefined if there was none. */
  readonly upstream: string | undefined;
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

/** Where a request leads, for a function that chooses its next proxy. */
export interface ProxyDestination {
  /** The method. */
  readonly method: string;
  /** The host that is asked for, in lower case. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The address of the client. */
  readonly client: string;
  /** Who the client is, where it had to say so. */
  readonly user: string | undefined;
  /** Aborted when the time of the function is up, and when nobody waits for the response any more. */
  readonly signal: AbortSignal;
}

/** Another proxy that requests are passed on to. */
export interface ProxyParent {
  /**
   * Its URL, with a port: `http://host:port`, `https://host:port` for TLS to it,
   * `socks5://host:port` for SOCKS 5 with names resolved here, `socks5h://host:port` for SOCKS 5
   * with names resolved there. A login stands before the host, percent-encoded:
   * `http://user:password@host:port`. No error and no log entry shows it.
   */
  readonly url: string;
  /**
   * Certificates in PEM that are trusted besides the usual authorities; for `https://` alone.
   *
   * @default none
   */
  readonly caCerts?: readonly string[];
}

/** The next hop of a request: the URL of a proxy, a proxy, or `"direct"` for none. */
export type ProxyUpstream = string | ProxyParent;

/** The next proxy for some targets. */
export interface ProxyUpstreamRule {
  /**
   * The targets: names, `.suffixes`, addresses and blocks as in `allow`, or `"*"` for all. An
   * address or block stands for targets that are written as addresses: no name is resolved for it.
   */
  readonly targets: readonly string[];
  /** The proxy, or `"direct"`. */
  readonly upstream: ProxyUpstream;
}

/** Which targets may be reached. */
export interface ProxyTargetRules {
  /**
   * The only targets: `example.com`, `.example.com` or `*.example.com` for it and all names below
   * it, an address, or a block like `10.0.0.0/8`. A block or address lifts what `allowPrivate` is about, for itself.
   *
   * @default "any"
   */
  allow?: readonly string[] | "any";
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
   * The ports that CONNECT may reach.
   *
   * @default [443]
   */
  connectPorts?: readonly number[] | "any";
  /**
   * The ports that plain HTTP requests may reach.
   *
   * @default "any"
   */
  requestPorts?: readonly number[] | "any";
}

/** Rules for the targets of some clients. What is left out is as for all other clients. */
export interface ProxyClientRule extends ProxyTargetRules {
  /**
   * The addresses of the clients: addresses, blocks, and `unix:` for all on a Unix socket.
   *
   * @default all
   */
  clients?: readonly string[];
  /**
   * The names of the clients, from `users`. With `clients`, both must match.
   *
   * @default all
   */
  users?: readonly string[];
  /**
   * Targets that are refused to these clients, besides those that are refused to all.
   *
   * @default none
   */
  deny?: readonly string[];
  /**
   * The addresses of this machine from which connections for these clients leave.
   *
   * @default as for all other clients
   */
  localAddress?: string | readonly string[];
}

/**
 * Options of `createProxy`. All times are in milliseconds; 0 lifts one. Sizes and counts are whole
 * numbers from 1 up, or Infinity.
 */
export interface ProxyOptions extends ProxyTargetRules {
  /**
   * The password of each user. With any, requests need them (Basic, RFC 7617).
   *
   * @default none
   */
  users?: Readonly<Record<string, string>>;
  /**
   * The clients that may use the proxy: addresses, blocks such as `10.0.0.0/8`, and `unix:` for all
   * that connect to a Unix socket, which are in no block. Any other gets 403 for its first request,
   * before a login is asked for, and its connection is closed.
   *
   * @default every client
   */
  allowClients?: readonly string[];
  /**
   * Clients that may not use the proxy, whatever `allowClients` says; written in the same way.
   *
   * @default none
   */
  denyClients?: readonly string[];
  /**
   * Rules for the targets of some clients. The first one that matches a client holds for it: what
   * it says of `allow`, `allowPrivate`, `connectPorts`, `requestPorts` and `localAddress` takes the
   * place of the options here, and its `deny` is added to that here.
   *
   * @default none
   */
  clientRules?: readonly ProxyClientRule[];
  /**
   * Gives the addresses of a name. It is asked once for a connection, and what the rules allow of
   * its answer is dialled.
   *
   * @default what the operating system says
   */
  resolve?: (hostname: string) => readonly string[] | Promise<readonly string[]>;
  /**
   * The next proxy: one for everything, a list of rules of which the first that matches the target
   * holds, or a function that chooses for each request. A target that no rule names is reached
   * directly.
   *
   * Addresses are checked before they are dialled wherever this proxy resolves names: for direct
   * targets and with `socks5://`. An `http://`, `https://` or `socks5h://` proxy resolves names
   * itself. Then the rules about addresses hold for targets that are written as addresses alone,
   * `allow` has to contain the name, and what only some programs read as an address, like `0x7f.1`
   * or `010.0.0.1`, is refused. The address of a next proxy is not checked: it is trusted.
   *
   * @default "direct"
   */
  upstream?:
    | ProxyUpstream
    | readonly ProxyUpstreamRule[]
    | ((destination: ProxyDestination) => ProxyUpstream | Promise<ProxyUpstream>);
  /**
   * The address of this machine from which connections to servers and next proxies leave: one, or
   * one of IPv4 and one of IPv6. A server is reached by a family that has an address here. Not on
   * Windows. It takes the permission `--allow-net=<localAddress>:0` besides that for the server.
   *
   * @default what the routing table says
   */
  localAddress?: string | readonly string[];
  /**
   * The version of the PROXY protocol in which this proxy introduces its clients: each connection
   * to a server, or to an HTTP proxy behind this one, begins with a header that has the address of
   * the client. A SOCKS server gets none, the server behind it does. With TLS, it comes before the
   * handshake. Servers that do not expect the header fail. Connections to servers are kept for the
   * client's connection alone.
   *
   * @default no header is sent
   */
  sendProxyProtocol?: 1 | 2;
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
   * How long each call of `onRequest`, `onResponse` and a function as `upstream` may take. Then the
   * client gets 504, and the `signal` of the hook is aborted.
   *
   * @default 60000
   */
  hookTimeout?: number;
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
   * How long they are kept; less where the server says so (`Keep-Alive: timeout`).
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
