/** The rules for the options of `createProxy` and `serveProxy`. */

import { AddressBlocks } from "../../net/address_block.ts";
import { SERVE_TCP } from "../../net/internal/listen.ts";
import {
  callback,
  type Check,
  count,
  either,
  flag,
  group,
  limit,
  listOf,
  milliseconds,
  optionError,
  OptionRules,
  port,
  required,
  type Rule,
  rule,
  text,
} from "../../net/internal/options.ts";
import { SERVE_UNIX_RULES } from "../../net/internal/unix_socket.ts";
import { LocalAddresses } from "./_local_addresses.ts";
import { hopRule } from "./_next_hop.ts";
import type {
  ProxyClientRule,
  ProxyOptions,
  ProxyTargetRules,
  ProxyUpstreamRule,
} from "./options.ts";
import type { ServeProxyOptions, ServeProxyUnixOptions } from "./serve_options.ts";
import { TargetList } from "./_target_list.ts";

/** A name for `Via`: a token (RFC 9110 §5.6.2), which may have colons. */
const proxyName: Rule = rule(
  "a token, such as proxy-1",
  (value) => typeof value === "string" && /^[!#$%&'*+.^_`|~0-9A-Za-z:-]+$/.test(value),
);

/** Addresses and blocks of clients. */
const blocks: Check = (name, value) => {
  const list = listOf(text)(name, value) as readonly string[];
  new AddressBlocks(list, name);
  return list;
};

/** Names, suffixes, addresses and blocks of targets. */
const targets: Check = (name, value) => {
  const list = listOf(text)(name, value) as readonly string[];
  new TargetList(name, list);
  return list;
};

const ports = either("any", listOf(port));

const TARGETS = new OptionRules<ProxyTargetRules>({
  allow: either("any", targets),
  deny: targets,
  allowPrivate: flag,
  connectPorts: ports,
  requestPorts: ports,
});

const localAddress: Check = (name, value) => {
  const list = typeof value === "string" ? value : listOf(text)(name, value) as readonly string[];
  new LocalAddresses(name, list);
  return typeof list === "string" ? undefined : list;
};

const CLIENT_RULE = group(
  new OptionRules<ProxyClientRule>({
    ...TARGETS.rules,
    clients: blocks,
    users: listOf(text),
    localAddress,
  }),
);

const UPSTREAM_RULE = group(
  new OptionRules<ProxyUpstreamRule>({
    targets: required((name, value) => {
      const list = listOf(text)(name, value) as readonly string[];
      if (!list.includes("*")) new TargetList(name, list);
      return list;
    }),
    upstream: required(hopRule),
  }),
);

const upstream: Check = (name, value) => {
  if (typeof value === "function") return;
  return Array.isArray(value) ? listOf(UPSTREAM_RULE)(name, value) : hopRule(name, value);
};

const users: Check = (name, value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionError(name, "an object with a password for each user", value);
  }
  for (const [user, password] of Object.entries(value)) {
    // RFC 7617 §2: a name has no colon, and neither has control characters.
    const isBad = user === "" || user.includes(":") || /\p{Cc}/u.test(user);
    if (isBad) {
      throw new TypeError(
        `${name} must have names without colons and control characters, got ${
          JSON.stringify(user)
        }`,
      );
    }
    // The message does not show the value, because it may be a password.
    if (typeof password !== "string" || /\p{Cc}/u.test(password)) {
      throw new TypeError(`${name}.${user} must be a string without control characters`);
    }
  }
};

/** The rules for the options of `createProxy`. */
export const PROXY: OptionRules<ProxyOptions> = new OptionRules<ProxyOptions>({
  ...TARGETS.rules,
  users,
  allowClients: blocks,
  denyClients: blocks,
  clientRules: listOf(CLIENT_RULE),
  resolve: callback,
  upstream,
  localAddress,
  sendProxyProtocol: rule("1 or 2", (value) => value === 1 || value === 2),
  name: proxyName,
  maxHead: count,
  headTimeout: milliseconds,
  idleTimeout: milliseconds,
  bodyTimeout: milliseconds,
  minBodyRate: count,
  connectTimeout: milliseconds,
  responseTimeout: milliseconds,
  hookTimeout: milliseconds,
  tunnelTimeout: milliseconds,
  halfCloseTimeout: milliseconds,
  maxIdlePerHost: count,
  keepAliveTimeout: milliseconds,
  onRequest: callback,
  onResponse: callback,
  onEntry: callback,
});

const { hostname, port: listenPort, backlog, sharePort } = SERVE_TCP.rules;
const { maxConnections, proxyProtocol, signal, onListen, onEvent } = SERVE_TCP.rules;

/** The rules that both kinds of listeners have. */
const LISTENER = {
  ...PROXY.rules,
  maxConnections,
  maxConnectionsPerAddress: limit,
  proxyProtocol,
  signal,
  onListen,
  onEvent,
};

/** The rules for the options of `serveProxy` on TCP. */
export const SERVE_PROXY: OptionRules<ServeProxyOptions> = new OptionRules<ServeProxyOptions>({
  ...LISTENER,
  hostname,
  port: listenPort,
  backlog,
  sharePort,
  open: flag,
});

/** The rules for the options of `serveProxy` on a Unix socket. */
export const SERVE_PROXY_UNIX: OptionRules<ServeProxyUnixOptions> = new OptionRules<
  ServeProxyUnixOptions
>({
  ...LISTENER,
  path: SERVE_UNIX_RULES.path,
  mode: SERVE_UNIX_RULES.mode,
});
