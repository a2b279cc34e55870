/** Calls of a session that a signal can abort. */

import type { Dialogue } from "../internal/dialogue.ts";
import { orAbort } from "../internal/or_abort.ts";
import { hurry } from "./_breaker.ts";

/**
 * Runs work when all work before it has ended. If the signal aborts, the call rejects at once, and work
 * that has not begun does not begin. A command that is under way has some seconds for its reply, and the
 * session ends after that.
 */
export async function callInTurn<T>(
  dialogue: Dialogue,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return await dialogue.exclusive(work);
  return await orAbort(hurriedWork(dialogue, signal, work), signal);
}

/**
 * Runs a transfer when all work before it has ended. If the signal aborts before, the call rejects at once.
 * Later the transfer ends itself, and the session ends if that takes more than some seconds.
 */
export async function transferInTurn<T>(
  dialogue: Dialogue,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return await dialogue.exclusive(work);
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const running = hurriedWork(dialogue, signal, async () => {
    begin();
    try {
      return await work();
    } catch (error) {
      throw signal.aborted && !dialogue.isSpared(error) ? signal.reason : error;
    }
  });
  await orAbort(Promise.race([begun, running]), signal);
  return await running;
}

/** Runs work in its turn, unless the signal has aborted by then. */
async function hurriedWork<T>(
  dialogue: Dialogue,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  return await dialogue.exclusive(async () => {
    // The caller has got the reason already.
    if (signal.aborted) return undefined as never;
    using _ = hurry(dialogue, signal);
    return await work();
  });
}

/**
 * Connects with a signal that aborts with that of the session. Until the session is open, it aborts with
 * that of the call as well.
 */
export async function connectInCall<T>(
  call: AbortSignal | undefined,
  session: AbortSignal | undefined,
  connect: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  call?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(call!.reason);
  call?.addEventListener("abort", onAbort);
  try {
    return await connect(
      AbortSignal.any([stop.signal, session].filter((one) => one !== undefined)),
    );
  } finally {
    call?.removeEventListener("abort", onAbort);
  }
}
