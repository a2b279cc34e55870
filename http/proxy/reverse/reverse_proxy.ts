/**
 * A reverse proxy as a handler of `serveHttp`. It forwards requests to one or several servers over
 * HTTP/1.1.
 *
 * Bodies are streamed unchanged in both directions, with backpressure. Compressed bodies stay compressed.
 * The proxy removes the fields of the connection (RFC 9110 §7.6.1) and frames messages anew. It forwards
 * early hints (103), trailers and upgrades (WebSocket). An interrupted response is also interrupted for
 * the client. Only the configuration selects the target: neither `Host` nor an absolute target changes it.
 *
 * @example A proxy in front of a server
 * ```ts
 * import { reverseProxy } from "@portside/kit/http/reverse-proxy";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using origin = serveHttp({ port: 0 }, (request) => {
 *   return new Response(`for ${request.headers.get("x-forwarded-for")}`);
 * });
 * await using server = serveHttp({ hardened: true }, reverseProxy(origin.url));
 * const response = await fetch(server.url);
 * assertEquals(await response.text(), "for 127.0.0.1");
 * ```
 *
 * Idempotent requests without a body (GET, HEAD, OPTIONS, PUT and DELETE, RFC 9110 §9.2.2) reuse
 * connections. If such a connection ends before the first byte of a response, the proxy repeats the
 * request once, on a new connection or to another target. Other requests use new connections, and are
 * never sent twice. If connecting to a target fails, nothing has been sent, and another target gets the
 * request.
 *
 * Recommended settings of `serveHttp`:
 * - `hardened: true` supports upgrades, early hints and trailers. It also avoids the automatic
 *   compression of `Deno.serve`.
 * - `allowedHosts` contains the public name of the site if the server listens on loopback.
 * - `maxBody` allows large uploads. `handlerTimeout: 0` allows uploads of more than a minute. The time
 *   limits of the proxy measure progress.
 * - `trustProxy` accepts `Forwarded` and `X-Forwarded-*` of another proxy in front. Otherwise the proxy
 *   drops these fields.
 *
 * A client can remove a field that a wrapper sets by naming it in `Connection`. Set such fields in
 * `rewrite`.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each target; `--allow-read` and `--allow-write` for the
 * path of a Unix socket. Source: RFC 9110 §7.6, §9.2.2; RFC 9112; RFC 7239.
 *
 * @module
 */

import { consistsOf } from "../../internal/http1_fields.ts";
import { TARGET, TOKEN } from "../../internal/http1_bytes.ts";
import { IdleUpstreams } from "../_idle_upstreams.ts";
import { TickClock } from "../_clock.ts";
import type { Upstream } from "../_upstream.ts";
import { ClientTracing } from "../../internal/client_tracing.ts";
import { Balancer } from "./_balancer.ts";
import { Forwarder } from "./_forward.ts";
import {
  callback,
  count,
  countLimit,
  group,
  limit,
  MAX_TIMER,
  milliseconds,
  oneOf,
  OptionRules,
  positive,
  rule,
  timeLimit,
} from "../../../net/internal/options.ts";
import { TLS_CLIENT } from "../../../net/internal/tls_rules.ts";
import type {
  ReverseProxy,
  ReverseProxyChoose,
  ReverseProxyOptions,
  ReverseProxyTarget,
} from "./options.ts";
import type { HttpInfo } from "../../server/options.ts";

export type * from "./options.ts";

const { caCerts, cert, key, pin, serverName, minVersion } = TLS_CLIENT.rules;
const POLICIES = oneOf("round-robin", "least-connections", "random");

const REVERSE_PROXY = new OptionRules<ReverseProxyOptions>({
  policy: (name, value) => {
    if (typeof value !== "function") POLICIES(name, value);
  },
  maxFails: limit,
  failTimeout: positive,
  maxConnections: limit,
  maxIdle: count,
  keepAliveTimeout: milliseconds,
  connectTimeout: milliseconds,
  responseTimeout: milliseconds,
  bodyTimeout: milliseconds,
  tunnelTimeout: milliseconds,
  host: oneOf("target", "client"),
  forwarded: oneOf("x-forwarded", "forwarded", "both", "none"),
  name: rule(
    "a token, such as proxy-1",
    (value) => typeof value === "string" && value !== "" && consistsOf(value, TOKEN),
  ),
  stripPrefix: rule(
    "a path that begins with a slash and does not end with one, such as /api",
    (value) =>
      typeof value === "string" && /^(?:\/[^?#]*[^?#/])?$/.test(value) && consistsOf(value, TARGET),
  ),
  rewrite: callback,
  tls: group(
    new OptionRules<NonNullable<ReverseProxyOptions["tls"]>>({
      caCerts,
      cert,
      key,
      pin,
      serverName,
      minVersion,
    }),
  ),
  onError: callback,
});

/**
 * Makes a handler that forwards requests.
 *
 * Failures become problem details (RFC 9457): 502 if the target refuses or breaks off the connection or
 * sends a malformed response, 504 if it is late, 503 if no target is available.
 *
 * @param target The target, several targets, or a function that chooses one for each request.
 * @param options The policy, the limits and the forwarded fields.
 * @returns The handler. Several servers may use it.
 * @throws {TypeError} If a target or an option is unknown, malformed or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 *
 * @example Two servers, and an API under a prefix
 * ```ts
 * import { reverseProxy } from "@portside/kit/http/reverse-proxy";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = (request: Request) => new Response(new URL(request.url).pathname);
 * await using one = serveHttp({ port: 0 }, handler);
 * await using two = serveHttp({ port: 0 }, handler);
 * const proxy = reverseProxy([one.url, two.url], { stripPrefix: "/api" });
 * await using server = serveHttp({ hardened: true }, proxy);
 * for (let i = 0; i < 2; i++) {
 *   assertEquals(await (await fetch(`${server.url}/api/users`)).text(), "/users");
 * }
 * assertEquals(proxy.stats().targets.map(({ requests }) => requests), [1, 1]);
 * ```
 */
export function reverseProxy(
  target: ReverseProxyTarget | readonly ReverseProxyTarget[] | ReverseProxyChoose,
  options: ReverseProxyOptions = {},
): ReverseProxy {
  options = REVERSE_PROXY.check("reverseProxy", options);
  const { host = "target", forwarded = "x-forwarded", stripPrefix = "" } = options;
  const name = options.name ?? `portside-${crypto.randomUUID().slice(0, 8)}`;
  const limits = {
    maxFails: countLimit(options.maxFails ?? 3),
    failTimeout: Math.min(options.failTimeout ?? 10_000, MAX_TIMER),
    maxConnections: countLimit(options.maxConnections ?? 0),
    connectTimeout: timeLimit(options.connectTimeout ?? 5000),
    responseTimeout: timeLimit(options.responseTimeout ?? 30_000),
    bodyTimeout: timeLimit(options.bodyTimeout ?? 60_000),
    tunnelTimeout: timeLimit(options.tunnelTimeout ?? 300_000),
  };
  const keepAliveTimeout = timeLimit(options.keepAliveTimeout ?? 30_000);
  const maxIdlePerHost = options.maxIdle ?? 64;
  const { responseTimeout, bodyTimeout, tunnelTimeout } = limits;
  const shortest = Math.min(responseTimeout, bodyTimeout, tunnelTimeout, keepAliveTimeout, 2000);
  const clock = new TickClock(shortest);
  const idle = new IdleUpstreams<Upstream>({ clock, maxIdlePerHost, keepAliveTimeout });
  const balancer = new Balancer(target, options.policy, { clock, limits, tls: options.tls, idle });
  const rules = { name, host, forwarded, stripPrefix };
  const tracing = ClientTracing.find("@portside/kit/http/reverse-proxy");
  const forwarder = new Forwarder({ options, rules, limits, clock, idle, balancer, tracing });
  const close = () => forwarder.close();
  return Object.assign(
    (request: Request, info: HttpInfo) => forwarder.handle(request, info),
    {
      stats: () => forwarder.stats(),
      close,
      [Symbol.asyncDispose]: () => Promise.resolve(close()),
    },
  );
}
