import {
  anObject,
  callback,
  type Check,
  count,
  either,
  group,
  limit,
  listOf,
  milliseconds,
  numberFrom,
  OptionRules,
  type Rule,
  signal,
  text,
} from "../../net/internal/options.ts";
import { proxyRule } from "../../http/internal/proxy_choice.ts";
import { socketPath } from "../../net/internal/host_rules.ts";
import { TLS_CLIENT } from "../../net/internal/tls_rules.ts";
import { WS_CONNECTION } from "../internal/option_rules.ts";
import type { ConnectWebSocketOptions, ReconnectOptions } from "./options.ts";

/** The rules for the options of a connection that reconnects. */
export const RECONNECT = new OptionRules<ReconnectOptions>({
  minTimeout: milliseconds,
  maxTimeout: milliseconds,
  multiplier: numberFrom(1),
  jitter: numberFrom(0, 1),
  maxRetryAfter: milliseconds,
  maxAttempts: count,
  stableAfter: milliseconds,
  keep: limit,
  shouldReconnect: callback,
  resume: callback,
  onEvent: callback,
});

const names = listOf(text);

/** One subprotocol, or several. */
const protocols: Rule = (name, value) => {
  if (typeof value !== "string") names(name, value);
};

/** Returns a rule for a value, or a function that returns it. The result is checked elsewhere. */
function orFunction(check: Check): Rule {
  return (name, value) => typeof value === "function" ? undefined : check(name, value);
}

const { alpnProtocols: _alpn, handshakeTimeout: _time, inspect: _inspect, ...tls } =
  TLS_CLIENT.rules;

/** The rules for the options of `connectWebSocket`. */
export const CONNECT_WS = new OptionRules<ConnectWebSocketOptions>({
  ...WS_CONNECTION.rules,
  ...tls,
  timeout: milliseconds,
  signal,
  headers: orFunction(anObject),
  protocols: orFunction(protocols),
  maxRedirects: limit,
  proxy: proxyRule,
  unixSocket: socketPath,
  pingInterval: milliseconds,
  reconnect: either(true, group(RECONNECT)),
});

/** Throws if options exclude each other. */
export function checkTogether({ proxy, unixSocket }: ConnectWebSocketOptions): void {
  if (unixSocket === undefined || proxy === undefined || proxy === false) return;
  throw new TypeError("Only one of proxy and unixSocket may be set");
}
