import type { ConnectionOptions, SendPolicy } from "../connection/options.ts";
import { count, group, milliseconds, oneOf, OptionRules } from "./options.ts";

/** The rules for the options of a connection. */
export const CONNECTION = new OptionRules<ConnectionOptions>({
  idleTimeout: milliseconds,
  readTimeout: milliseconds,
  writeTimeout: milliseconds,
  lingerTimeout: milliseconds,
  sendQueue: group(
    new OptionRules({ limit: count, policy: oneOf("wait", "drop-oldest", "disconnect") }),
  ),
});

/** The limits of a connection with their defaults. */
export interface Limits {
  readonly idleTimeout: number;
  readonly readTimeout: number;
  readonly writeTimeout: number;
  readonly lingerTimeout: number;
  readonly limit: number;
  readonly policy: SendPolicy;
  /** Interval between two checks of the counters in milliseconds; Infinity for none. */
  readonly step: number;
}

const shared = new WeakMap<ConnectionOptions, Limits>();

/**
 * Makes all connections with `options` share one object with their limits. The options must have been
 * checked and must not change afterwards.
 */
export function shareLimits(options: ConnectionOptions): void {
  CONNECTION.assume(options);
  shared.set(options, complete(options));
}

/** Returns the limits of a connection with their defaults. */
export function limitsOf(options: ConnectionOptions): Limits {
  return shared.get(options) ?? complete(options);
}

function complete(options: ConnectionOptions): Limits {
  const { idleTimeout = 0, readTimeout = 0, writeTimeout = 30_000, lingerTimeout = 500 } = options;
  const { limit = 1024 * 1024, policy = "wait" } = options.sendQueue ?? {};
  const shortest = Math.min(idleTimeout || Infinity, writeTimeout || Infinity);
  return {
    idleTimeout,
    readTimeout,
    writeTimeout,
    lingerTimeout,
    limit,
    policy,
    step: shortest === Infinity ? Infinity : Math.min(Math.max(shortest / 8, 5), 1000),
  };
}
