import type { ConnectionOptions, SendPolicy } from "../connection/options.ts";

/** The limits of a connection, checked and complete. */
export interface Limits {
  readonly idleTimeout: number;
  readonly readTimeout: number;
  readonly writeTimeout: number;
  readonly lingerTimeout: number;
  readonly limit: number;
  readonly policy: SendPolicy;
  /** How often the counters are compared, in milliseconds; Infinity for never. */
  readonly step: number;
}

/** The longest timer, 24.8 days in milliseconds; one beyond would fire at once. */
export const MAX_TIMER = 2 ** 31 - 1;

const POLICIES: readonly SendPolicy[] = ["wait", "drop-oldest", "disconnect"];

/** Fills in the defaults and rejects nonsense before any I/O. */
export function checkLimits(options: ConnectionOptions): Limits {
  const policy = options.sendQueue?.policy ?? "wait";
  if (!POLICIES.includes(policy)) {
    throw new TypeError(`Cannot use the send queue policy "${policy}": it is one of ${POLICIES}`);
  }
  const idleTimeout = checkNumber("idleTimeout", options.idleTimeout ?? 0);
  const writeTimeout = checkNumber("writeTimeout", options.writeTimeout ?? 30_000);
  const shortest = Math.min(idleTimeout || Infinity, writeTimeout || Infinity);
  return {
    idleTimeout,
    readTimeout: checkNumber("readTimeout", options.readTimeout ?? 0),
    writeTimeout,
    lingerTimeout: checkNumber("lingerTimeout", options.lingerTimeout ?? 500),
    limit: checkMax("sendQueue.limit", options.sendQueue?.limit, 1024 * 1024),
    policy,
    step: shortest === Infinity ? Infinity : Math.min(Math.max(shortest / 8, 5), 1000),
  };
}

/** A time or count: a number from 0 up. */
export function checkNumber(name: string, value: number): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(`Cannot use ${name}: it is a number from 0 up, not ${value}`);
}

/** A size or a count: a whole number from 1 up, or Infinity. */
export function checkMax(name: string, value: number | undefined, fallback = Infinity): number {
  const max = value ?? fallback;
  if (max === Infinity || (Number.isInteger(max) && max > 0)) return max;
  throw new RangeError(`Cannot use ${name}: it is a whole number from 1 up, not ${max}`);
}
