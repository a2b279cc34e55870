import type { ReconnectOptions } from "./options.ts";
import type { WsClose } from "../connection/options.ts";
import { mayComeBack } from "../internal/close_codes.ts";
import { count } from "../internal/options.ts";

/** The longest time that a timer can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** How to come back, checked and complete. */
export interface ReconnectPlan {
  readonly keep: number;
  readonly maxAttempts: number;
  readonly stableAfter: number;
  readonly shouldReconnect: (close: WsClose) => boolean;
  /** The wait after so many tries, in milliseconds. */
  readonly waitAfter: (attempt: number) => number;
}

/** Fills in the defaults and rejects nonsense. */
export function planReconnects(options: ReconnectOptions): ReconnectPlan {
  const { minTimeout = 500, maxTimeout = 30_000, multiplier = 2, jitter = 0.5 } = options;
  const { maxAttempts = Infinity, stableAfter = 5000, keep = 0 } = options;
  for (const [name, value] of Object.entries({ minTimeout, maxTimeout, stableAfter, jitter })) {
    if (!(value >= 0)) throw outOfRange(name, "from 0 up", value);
  }
  for (const [name, value] of Object.entries({ multiplier, maxAttempts })) {
    if (!(value >= 1)) throw outOfRange(name, "from 1 up", value);
  }
  return {
    keep: keep === 0 ? 0 : count("reconnect.keep", keep, 0),
    maxAttempts,
    stableAfter,
    shouldReconnect: options.shouldReconnect ?? (({ code }) => mayComeBack(code)),
    waitAfter(attempt) {
      const wait = Math.min(maxTimeout, minTimeout * multiplier ** Math.max(0, attempt - 1));
      return Math.min(wait, LONGEST) * (1 - Math.min(jitter, 1) * Math.random());
    },
  };
}

function outOfRange(name: string, range: string, value: number): RangeError {
  return new RangeError(`Cannot use reconnect.${name}: it is a number ${range}, not ${value}`);
}
