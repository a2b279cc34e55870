/**
 * The options of a proxy, and the types of its hooks, log entries and counters.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Http1Fields } from "../http1/codec.ts";

/** A request, as hooks see it. */
export interface ProxyRequest {
  /** The method of the request. */
  readonly method: string;
  /** The target as the client sent it: a URL, or host and port of a CONNECT. */
  readonly target: string;
  /** The requested host, in lower case. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The header fields. Changes apply to the forwarded message, except for the framing. */
  readonly fields: Http1Fields;
  /** The address of the client. */
  readonly client: string;
  /** The user name of the client; undefined if the proxy requires no login. */
  readonly user: string | undefined;
  /** Aborts when the time limit of a hook expires, and when the client leaves. */
  readonly signal: AbortSignal;
}

/** A response, as hooks see it. */
export interface ProxyResponse {
  /** The status code. */
  readonly status: number;
  /** The reason phrase, as the server sent it. */
  readonly reason: string;
  /** The header fields. Changes apply to the forwarded message, except for the framing. */
  readonly fields: Http1Fields;
}

/** A response of a hook, which the client gets instead of that of the server. */
export interface ProxyAnswer {
  /** The status code, from 200 to 599. */
  readonly status: number;
  /**
   * The header fields.
   *
   * @default `Content-Type: text/plain; charset=utf-8`
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The body of the response.
   *
   * @default the status code and the reason phrase
   */
  readonly body?: string | Uint8Array;
}

/** A log entry for one request. */
export interface ProxyEntry {
  /** The method; empty if the request was malformed. */
  readonly method: string;
  /** The target as the client sent it, without a password. */
  readonly target: string;
  /** The status that the client got; 0 if the client left before the response. */
  readonly status: number;
  /** Number of bytes from the client, including heads. */
  readonly received: number;
  /** Number of bytes to the client, including heads. */
  readonly sent: number;
  /** The time for connecting in milliseconds; undefined if a connection was reused. */
  readonly connect: number | undefined;
  /** The time from the request to the head of the response, in milliseconds. */
  readonly firstByte: number | undefined;
  /** The total time in milliseconds. */
  readonly total: number;
  /** The address of the client. */
  readonly client: string;
  /** The user name of the client; undefined if the proxy requires no login. */
  readonly user: string | undefined;
  /** The URL of the next proxy without its login; undefined without a next proxy. */
  readonly upstream: string | undefined;
  /** The reason of a failure; undefined after a success. */
  readonly error: string | undefined;
}

/** Counters of a proxy. */
export interface ProxyStats {
  /** Number of well-formed requests. */
  readonly requests: number;
  /** Number of requests that were repeated because a reused connection had ended. */
  readonly retries: number;
  /** Number of tunnels that were opened. */
  readonly tunnels: number;
  /** Number of open tunnels. */
  readonly activeTunnels: number;
  /** Number of requests that the rules refused, with 403, 407 or 508. */
  readonly denied: number;
  /** Number of other failed requests: malformed, too slow, no server reached, or interrupted. */
  readonly failed: number;
  /** Number of bytes from clients. */
  readonly received: number;
  /** Number of bytes to clients. */
  readonly sent: number;
  /** Number of idle connections to servers. */
  readonly idleUpstream: number;
}

/** The destination of a request, for a function that chooses the next proxy. */
export interface ProxyDestination {
  /** The method of the request. */
  readonly method: string;
  /** The requested host, in lower case. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The address of the client. */
  readonly client: string;
  /** The user name of the client; undefined if the proxy requires no login. */
  readonly user: string | undefined;
  /** Aborts when the time limit of the function expires, and when the client leaves. */
  readonly signal: AbortSignal;
}

/** Another proxy, to which this one forwards requests. */
export interface ProxyParent {
  /**
   * The URL with a port: `http://host:port`, `https://host:port` for a TLS connection to the proxy,
   * `socks5://host:port` for SOCKS 5 with name resolution by this proxy, `socks5h://host:port` for
   * SOCKS 5 with name resolution by the other proxy. A percent-encoded login can precede the host:
   * `http://user:password@host:port`. No error and no log entry shows the login.
   */
  readonly url: string;
  /**
   * Certificates in PEM that are trusted in addition to the usual authorities. Only for `https://`.
   *
   * @default none
   */
  readonly caCerts?: readonly string[];
  /**
   * The pins of the proxy, one of which must match: see `pin` of `connectTls`. Only for `https://`.
   *
   * @default none; the authority and the name are verified
   */
  readonly pin?: string | readonly string[];
}

/** The next hop of a request: the URL of a proxy, a proxy, or `"direct"` for none. */
export type ProxyUpstream = string | ProxyParent;

/** The next proxy for some targets. */
export interface ProxyUpstreamRule {
  /**
   * The targets: names, `.suffixes`, addresses and blocks as in `allow`, or `"*"` for all. Addresses and
   * blocks match only targets that are written as addresses. The proxy resolves no name for them.
   */
  readonly targets: readonly string[];
  /** The next proxy, or `"direct"` for none. */
  readonly upstream: ProxyUpstream;
}

/** Rules for the targets that clients may reach. */
export interface ProxyTargetRules {
  /**
   * The only allowed targets: `example.com`; `.example.com` or `*.example.com` for the name and its
   * subdomains; an address; or a block like `10.0.0.0/8`. An address or block is also allowed if it is
   * private.
   *
   * @default "any"
   */
  allow?: readonly string[] | "any";
  /**
   * The refused targets, in the same form. They override `allow`.
   *
   * @default none
   */
  deny?: readonly string[];
  /**
   * Whether clients may reach private, loopback, link-local and other special addresses.
   *
   * @default false
   */
  allowPrivate?: boolean;
  /**
   * The allowed ports for CONNECT.
   *
   * @default [443]
   */
  connectPorts?: readonly number[] | "any";
  /**
   * The allowed ports for plain HTTP requests.
   *
   * @default "any"
   */
  requestPorts?: readonly number[] | "any";
}

/** Rules for the targets of some clients. The general options replace missing rules. */
export interface ProxyClientRule extends ProxyTargetRules {
  /**
   * The clients: addresses, blocks, and `unix:` for all clients on a Unix socket.
   *
   * @default all clients
   */
  clients?: readonly string[];
  /**
   * The user names of the clients, from `users`. With `clients`, both must match.
   *
   * @default all users
   */
  users?: readonly string[];
  /**
   * Additional refused targets for these clients.
   *
   * @default none
   */
  deny?: readonly string[];
  /**
   * The local addresses for connections of these clients.
   *
   * @default `localAddress` of the proxy
   */
  localAddress?: string | readonly string[];
}

/**
 * Options of `createProxy`. All times are in milliseconds; 0 means no limit. Sizes and counts are integers
 * of at least 1, or Infinity.
 */
export interface ProxyOptions extends ProxyTargetRules {
  /**
   * The password of each user. If it is set, requests need a login (Basic, RFC 7617).
   *
   * @default none
   */
  users?: Readonly<Record<string, string>>;
  /**
   * The clients that may use the proxy: addresses, blocks such as `10.0.0.0/8`, and `unix:` for all
   * clients on a Unix socket. Other clients get 403 for their first request, without a request for a
   * login, and the proxy closes their connection.
   *
   * @default every client
   */
  allowClients?: readonly string[];
  /**
   * The clients that may not use the proxy, in the same form. They override `allowClients`.
   *
   * @default none
   */
  denyClients?: readonly string[];
  /**
   * Rules for the targets of some clients. The first rule that matches a client applies to it. Its
   * `allow`, `allowPrivate`, `connectPorts`, `requestPorts` and `localAddress` replace the options here.
   * Its `deny` is added to the option here.
   *
   * @default none
   */
  clientRules?: readonly ProxyClientRule[];
  /**
   * Returns the addresses of a name. The proxy calls it once for each connection, and connects to the
   * addresses that the rules allow.
   *
   * @default the resolver of the operating system
   */
  resolve?: (hostname: string) => readonly string[] | Promise<readonly string[]>;
  /**
   * The next proxy: one for all requests, a list of rules, or a function that chooses for each request.
   * The first rule that matches the target applies. Without a matching rule, the proxy connects directly.
   *
   * If this proxy resolves the names, for direct targets and with `socks5://`, it checks the addresses
   * before it connects. An `http://`, `https://` or `socks5h://` proxy resolves names itself. Then the
   * rules for addresses apply only to targets that are written as addresses, `allow` has to contain
   * the name, and the proxy refuses hosts that only some programs read as addresses, such as `0x7f.1`
   * or `010.0.0.1`. The address of a next proxy is trusted and not checked.
   *
   * @default "direct"
   */
  upstream?:
    | ProxyUpstream
    | readonly ProxyUpstreamRule[]
    | ((destination: ProxyDestination) => ProxyUpstream | Promise<ProxyUpstream>);
  /**
   * The local address for connections to servers and next proxies: one address, or one IPv4 and one
   * IPv6 address. The proxy uses only the families that have an address here. Not available on
   * Windows. Required permission in addition: `--allow-net=<localAddress>:0`.
   *
   * @default the address that the routing table selects
   */
  localAddress?: string | readonly string[];
  /**
   * The version of the PROXY protocol for connections to servers and to HTTP proxies behind this one.
   * Each connection begins with a header that contains the address of the client. A SOCKS server does
   * not get the header, but the server behind it does. With TLS, the header precedes the handshake.
   * Servers that do not expect the header fail. The proxy reuses a connection only for the same
   * connection of a client.
   *
   * @default the proxy sends no header
   */
  sendProxyProtocol?: 1 | 2;
  /**
   * The name for `Via`, which the proxy uses to detect loops. Each proxy needs a different name.
   *
   * @default "portside-" and random digits
   */
  name?: string;
  /**
   * The largest head in bytes.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * The longest time for the head of a request, from its first byte.
   *
   * @default 15000
   */
  headTimeout?: number;
  /**
   * The longest time between two requests of a client.
   *
   * @default 60000
   */
  idleTimeout?: number;
  /**
   * The longest pause in a body in either direction, and the longest time without write progress. Before
   * the response begins, it also limits the total wait for the body of a request; see `minBodyRate`.
   *
   * @default 60000
   */
  bodyTimeout?: number;
  /**
   * The lowest rate of an upload in bytes per second. Each `minBodyRate` bytes from a client extend the
   * total wait of `bodyTimeout` by one second. It has no effect without `bodyTimeout`.
   *
   * @default 500
   */
  minBodyRate?: number;
  /**
   * The longest time for name resolution and connecting together.
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * The longest wait for the head of a response.
   *
   * @default 60000
   */
  responseTimeout?: number;
  /**
   * The longest time for each call of `onRequest`, `onResponse` and a function as `upstream`. When it
   * expires, the client gets 504, and the `signal` of the hook aborts.
   *
   * @default 60000
   */
  hookTimeout?: number;
  /**
   * The longest time without data in both directions of a tunnel.
   *
   * @default 300000
   */
  tunnelTimeout?: number;
  /**
   * The longest time without data in a tunnel after one side has ended.
   *
   * @default 30000
   */
  halfCloseTimeout?: number;
  /**
   * The largest number of idle connections for each host and port. A connection to the proxy of
   * `upstream` counts for the target of its requests, and serves no other target.
   *
   * @default 64
   */
  maxIdlePerHost?: number;
  /**
   * The longest time that an idle connection stays open. The server can shorten it
   * (`Keep-Alive: timeout`).
   *
   * @default 15000
   */
  keepAliveTimeout?: number;
  /** Runs before a request is forwarded. It may change the fields, or return a response. */
  onRequest?: (
    request: ProxyRequest,
  ) => ProxyAnswer | void | Promise<ProxyAnswer | void>;
  /** Runs before a response is forwarded. It may change the fields, or return another response. */
  onResponse?: (
    response: ProxyResponse,
    request: ProxyRequest,
  ) => ProxyAnswer | void | Promise<ProxyAnswer | void>;
  /** Runs after each request with its log entry. */
  onEntry?: (entry: ProxyEntry) => void;
}
