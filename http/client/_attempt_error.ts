import { type Attempt, Theirs } from "./_attempt.ts";
import type { HttpSent } from "./errors.ts";
import { failure, isUnsent, requestError, timeoutError } from "./_request_failure.ts";
import type { Plan } from "./_request_plan.ts";
import { CLOSED, Expired, type TimeLimits } from "./_time_limits.ts";
import { ExchangeFailure } from "./internal/exchange_failure.ts";
import { QueueFull } from "./internal/pool.ts";

/** Converts an error for the caller. */
export function attemptError(
  attempt: Attempt,
  thrown: unknown,
  plan: Plan,
  guard: TimeLimits,
  sent: HttpSent,
): unknown {
  const cause = attempt.spoiled ?? (thrown instanceof ExchangeFailure ? thrown.cause : thrown);
  const { expired, cancelled, reason } = guard;
  if (expired !== undefined) return timeoutError(expired, snapshot(plan), sent);
  if (cause === CLOSED || reason === CLOSED) {
    return failure(snapshot(plan), "closed", "the client is closed", sent);
  }
  if (cancelled) return reason;
  if (cause instanceof QueueFull) {
    const why = `${cause.limit} requests to this host are already waiting; see maxQueued`;
    return failure(snapshot(plan), "limit", why, sent);
  }
  // An error of a hook or of a cookie jar goes to the caller unchanged.
  if (cause instanceof Theirs) return cause.error;
  if (cause instanceof Expired) return timeoutError(cause, snapshot(plan), sent);
  if (attempt.stage === "preparing") return cause;
  return requestError(cause, snapshot(plan), sent);
}

/** Returns whether a try has failed before any of its bytes was sent. */
export function isUnsentTry({ stage }: Attempt, thrown: unknown): boolean {
  if (stage !== "sending") return true;
  return thrown instanceof ExchangeFailure ? !thrown.written : isUnsent(thrown);
}

/** Returns the facts of a plan for an error. Later tries must not change its history. */
export function snapshot(plan: Plan): Pick<Plan, "method" | "url" | "history"> {
  return { method: plan.method, url: plan.url, history: [...plan.history] };
}
