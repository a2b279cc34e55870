import { CONNECT_TCP } from "../internal/dial.ts";
import { callback, count, flag, limit, milliseconds, OptionRules } from "../internal/options.ts";
import { CONNECT_TLS } from "../internal/tls_rules.ts";
import type { ClosePoolOptions, PoolOptions, PoolTarget } from "./options.ts";

/** The rules for the options of `createPool`. */
export const POOL = new OptionRules<PoolOptions>({
  maxPerHost: count,
  maxTotal: count,
  minIdle: limit,
  idleTimeout: milliseconds,
  maxAge: milliseconds,
  acquireTimeout: milliseconds,
  maxWaiting: count,
  check: callback,
});

/** The rules for a target without TLS. */
export const TCP_TARGET = new OptionRules<PoolTarget & { tls?: false }>({
  ...CONNECT_TCP.rules,
  tls: flag,
});

/** The rules for a target with TLS. */
export const TLS_TARGET = new OptionRules<PoolTarget & { tls: true }>({
  ...CONNECT_TLS.rules,
  tls: flag,
});

/** The rules for the options of `close`. */
export const CLOSE = new OptionRules<ClosePoolOptions>({ deadline: milliseconds });
