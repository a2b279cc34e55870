import { NetError, toNetError } from "../../net/errors/errors.ts";

/** Returns the error after too many short connections. */
export function unstable(url: string, attempts: number): NetError {
  return new NetError(`Gave up on ${url} after ${attempts} short connections`, {
    kind: "closed",
    phase: "read",
    address: url,
  });
}

/** Returns the error after a close by this side. */
export function closedHere(url: string): NetError {
  return new NetError(`WebSocket to ${url} is closed on this side`, {
    kind: "closed",
    phase: "close",
    address: url,
  });
}

/** Returns the error for a connection whose `resume` has failed. */
export function notResumed(url: string, cause: unknown, retryable: boolean): NetError {
  return new NetError(`Cannot resume on ${url}: ${toNetError(cause).message}`, {
    kind: "closed",
    phase: "handshake",
    address: url,
    retryable,
    cause,
  });
}
