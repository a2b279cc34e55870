import {
  anObject,
  callback,
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
import { pem } from "../../net/internal/tls_rules.ts";
import { WS_CONNECTION } from "../internal/option_rules.ts";
import type { ConnectWebSocketOptions, ReconnectOptions } from "./options.ts";

/** The rules for the options of a connection that reconnects. */
export const RECONNECT = new OptionRules<ReconnectOptions>({
  minTimeout: milliseconds,
  maxTimeout: milliseconds,
  multiplier: numberFrom(1),
  jitter: numberFrom(0, 1),
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

/** The rules for the options of `connectWebSocket`. */
export const CONNECT_WS = new OptionRules<ConnectWebSocketOptions>({
  ...WS_CONNECTION.rules,
  timeout: milliseconds,
  signal,
  headers: anObject,
  protocols,
  caCerts: listOf(pem),
  reconnect: either(true, group(RECONNECT)),
});
