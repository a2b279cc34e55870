import {
  callback,
  either,
  limit,
  listOf,
  milliseconds,
  OptionRules,
  rule,
  word,
} from "../../net/internal/options.ts";
import { WS_CONNECTION, WS_RATE } from "../internal/option_rules.ts";
import type { UpgradeOptions, UpgraderOptions } from "./upgrade_options.ts";

/** The time limit for the opening handshake unless an option says otherwise, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000;

/** The limit of connections unless an option says otherwise. */
export const MAX_CONNECTIONS = 1024;

/** An origin as browsers send it. Any other spelling would never match (RFC 6454 section 6.2). */
const origin = rule('an origin such as "https://app.example"', (value) => {
  if (value === "null") return true;
  const url = typeof value === "string" ? URL.parse(value) : null;
  if (url === null) return false;
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  return (isWeb ? url.origin : `${url.protocol}//${url.host}`) === value;
});

/** The rules for the options of `upgrade`. */
export const UPGRADE = new OptionRules<UpgradeOptions>({
  ...WS_CONNECTION.rules,
  protocols: listOf(word),
  allowedOrigins: either("*", listOf(origin)),
  authorize: callback,
  handshakeTimeout: milliseconds,
  pingInterval: milliseconds,
  controlRate: WS_RATE,
});

/** The rules for the options of `createUpgrader`. */
export const UPGRADER = new OptionRules<UpgraderOptions>({
  ...UPGRADE.rules,
  maxConnections: limit,
  maxConnectionsPerAddress: limit,
  onEvent: callback,
});
