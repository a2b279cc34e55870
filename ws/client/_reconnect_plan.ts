import { backoff } from "../../net/internal/backoff.ts";
import type { ReconnectOptions } from "./options.ts";
import type { WsClose } from "../connection/options.ts";
import { mayComeBack } from "../internal/close_codes.ts";

/** The reconnect options with all defaults. */
export interface ReconnectPlan {
  readonly keep: number;
  readonly maxAttempts: number;
  readonly stableAfter: number;
  readonly shouldReconnect: (close: WsClose) => boolean;
  /** Returns the wait before the next attempt, in milliseconds; `asked` is that of `Retry-After`. */
  readonly waitAfter: (attempt: number, asked: number) => number;
}

/** Returns the plan for checked options. */
export function planReconnects(options: ReconnectOptions): ReconnectPlan {
  const { minTimeout = 500, maxTimeout = 30_000, multiplier = 2, jitter = 0.5 } = options;
  const { maxAttempts = Infinity, stableAfter = 5000, keep = 0, maxRetryAfter = 300_000 } = options;
  return {
    keep,
    maxAttempts,
    stableAfter,
    shouldReconnect: options.shouldReconnect ?? (({ code }) => mayComeBack(code)),
    // A connection that lasted resets the attempts to 0.
    waitAfter: (attempt, asked) =>
      Math.max(
        Math.min(asked, maxRetryAfter),
        backoff(Math.max(attempt, 1), { minTimeout, maxTimeout, multiplier, jitter }),
      ),
  };
}
