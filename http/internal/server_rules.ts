import { AddressBlocks } from "../../net/address_block.ts";
import { CONNECTION } from "../../net/internal/connection_limits.ts";
import { SERVE_TCP } from "../../net/internal/listen.ts";
import {
  callback,
  count,
  flag,
  integer,
  limit,
  milliseconds,
  oneOf,
  optionError,
  OptionRules,
  type Rule,
  rule,
  signal,
} from "../../net/internal/options.ts";
import { SERVE_TLS } from "../../net/internal/tls_rules.ts";
import { UNIX_SOCKET } from "../../net/internal/unix_socket.ts";
import type {
  HttpAddr,
  HttpServerOptions,
  ServeHttpOptions,
  ServeHttpUnixOptions,
  TrustProxyOptions,
} from "../server/options.ts";

const hops: Rule = integer(1, Number.MAX_SAFE_INTEGER);

/** Checks addresses and blocks of addresses. */
function blocks(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw optionError(name, "an array of addresses or blocks", value);
  new AddressBlocks(value, name);
}

const TRUST_PROXY = new OptionRules<TrustProxyOptions>({
  hops,
  from: blocks,
  header: oneOf("x-forwarded", "forwarded"),
});

/** Checks a number of hops, a list of addresses and blocks, or an object with one of the two. */
export function trustProxy(name: string, value: unknown): object | void {
  if (typeof value === "number") return hops(name, value);
  if (Array.isArray(value)) return blocks(name, value);
  if (typeof value !== "object" || value === null) {
    throw optionError(name, "a number of proxies, an array of addresses, or an object", value);
  }
  const trust = TRUST_PROXY.checkAt(`${name}.`, name, value);
  if ((trust.hops === undefined) !== (trust.from === undefined)) return trust;
  throw new TypeError(`${name} must have either hops or from`);
}

/** A list of hosts, or "any". */
export const allowedHosts: Rule = rule(
  'an array of hosts, or "any"',
  (value) =>
    value === "any" || (Array.isArray(value) && value.every((host) => typeof host === "string")),
);

const { maxConnections, maxConnectionsPerAddress, proxyProtocol } = SERVE_TCP.rules;
const { hostname, port, backlog, sharePort } = SERVE_TCP.rules;
const { whenFull, noDelay, keepAlive, deadPeerTimeout } = SERVE_TCP.rules;

const HTTP_SERVER_RULES = new OptionRules<HttpServerOptions<HttpAddr>>({
  maxBody: limit,
  bodyTimeout: milliseconds,
  minBodyRate: count,
  handlerTimeout: milliseconds,
  maxRequests: limit,
  allowedHosts,
  trustProxy,
  hardened: flag,
  maxConnections,
  maxConnectionsPerAddress,
  proxyProtocol,
  headTimeout: milliseconds,
  idleTimeout: milliseconds,
  writeTimeout: CONNECTION.rules.writeTimeout,
  maxHead: count,
  maxHeaders: count,
  signal,
  onEvent: callback,
}).rules;

const { cert, key, certFile, keyFile, sni, clientAuth, clientCa } = SERVE_TLS.rules;
const { minVersion, inspect, engine, handshakeTimeout, reloadInterval } = SERVE_TLS.rules;

/** The rules for the options of `serveHttp` on TCP. */
export const SERVE_HTTP = new OptionRules<ServeHttpOptions>({
  ...HTTP_SERVER_RULES,
  hostname,
  port,
  backlog,
  sharePort,
  whenFull,
  noDelay,
  keepAlive,
  deadPeerTimeout,
  onListen: callback,
  cert,
  key,
  certFile,
  keyFile,
  sni,
  clientAuth,
  clientCa,
  minVersion,
  inspect,
  engine,
  handshakeTimeout,
  reloadInterval,
});

/** The rules for the options of `serveHttp` on a Unix socket. */
export const SERVE_HTTP_UNIX = new OptionRules<ServeHttpUnixOptions>({
  ...HTTP_SERVER_RULES,
  ...UNIX_SOCKET.rules,
  onListen: callback,
});
