/** Changes in a folder as they happen (IDLE, RFC 2177). */

import { delay } from "@std/async/delay";
import { NetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { MAX_TIMER } from "../internal/options.ts";
import { CommandRefusal } from "./_line.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapResponse } from "./codec.ts";
import type { ImapEvent } from "./options.ts";
import { ReplyError } from "../errors/reply_error.ts";

/** Maximum number of changes that are not yielded yet. */
const MAX_NEWS = 100_000;

/** Times in milliseconds. */
interface IdleTimes {
  /** The time after which IDLE is renewed. */
  readonly renew: number;
  /** The time between two questions to a server without IDLE; Infinity for no questions. */
  readonly poll: number;
}

/**
 * Yields changes until `signal` aborts. No other command has to wait: IDLE ends before a change is
 * yielded, and when another command is queued.
 */
export async function* idleImap(
  session: ImapSession,
  { renew, poll }: IdleTimes,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImapEvent, void, void> {
  const { dialogue, listeners } = session;
  let hasIdle = session.supports("IDLE");
  if (!hasIdle && poll === Infinity) {
    throw new NetError(`${dialogue.peer} does not support IDLE`, {
      kind: "unsupported",
      phase: "request",
    });
  }
  const news: ImapEvent[] = [];
  // Responses to other commands report changes, too.
  const listener = (event: ImapEvent) => {
    if (news.push(event) > MAX_NEWS) {
      throw dialogue.broken(`reports more than ${MAX_NEWS} changes at once`, "limit");
    }
  };
  listeners.add(listener);
  try {
    while (!signal?.aborted) {
      if (news.length === 0 && hasIdle) {
        hasIdle = await tryListen(session, { renew, poll }, news, signal);
      } else if (news.length === 0) await ask(session, poll, news, signal);
      yield* news.splice(0);
    }
  } finally {
    listeners.delete(listener);
  }
}

/** Runs IDLE once. Returns false if the server refuses it, and questions may replace it. */
async function tryListen(
  session: ImapSession,
  { renew, poll }: IdleTimes,
  news: readonly ImapEvent[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await listen(session, renew, news, signal);
    return true;
  } catch (error) {
    const isRefused = error instanceof ReplyError && session.dialogue.conn.open;
    if (!isRefused || poll === Infinity) throw error;
    return false;
  }
}

/** Asks a server without IDLE for news, and waits if there is none. */
async function ask(
  session: ImapSession,
  poll: number,
  news: readonly ImapEvent[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { dialogue, listeners } = session;
  await dialogue.exclusive(() => session.run("Cannot ask for changes", ["NOOP"]));
  if (news.length > 0 || signal?.aborted) return;
  // Other commands may reveal changes meanwhile.
  const wake = new AbortController();
  const listener = () => wake.abort();
  const signals = [wake.signal, dialogue.conn.signal, signal].filter((one) => one !== undefined);
  listeners.add(listener);
  try {
    await ignoreFailure(delay(Math.min(poll, MAX_TIMER), { signal: AbortSignal.any(signals) }));
  } finally {
    listeners.delete(listener);
  }
}

/** Runs IDLE once: until there is news, or until another command or the signal ends it. */
async function listen(
  session: ImapSession,
  renew: number,
  news: readonly ImapEvent[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { dialogue, line } = session;
  const { turns } = dialogue;
  const release = await dialogue.hold(true);
  const wanted = new AbortController();
  const over = signal === undefined ? wanted.signal : AbortSignal.any([signal, wanted.signal]);
  turns.onQueued = () => wanted.abort();
  if (turns.queued > 0) wanted.abort();
  const hear = (response: ImapResponse) => session.hear(response);
  /** Reads the next response; undefined if the time is over, or if IDLE has to end. */
  const next = async (timeout: number): Promise<ImapResponse | undefined> => {
    try {
      return await line.read({ timeout: Math.min(timeout, MAX_TIMER), signal: over });
    } catch (error) {
      const ended = over.aborted || (error instanceof NetError && error.kind === "timeout");
      if (!ended || !dialogue.conn.open) throw error;
      return line.midway ? await line.read() : undefined;
    }
  };
  try {
    if (over.aborted) return;
    session.allow();
    const tag = await line.send(["IDLE"], hear);
    await line.untilContinue(tag, hear);
    dialogue.allow(0);
    line.most = Infinity;
    const until = performance.now() + renew;
    try {
      while (news.length === 0 && !over.aborted) {
        const left = until - performance.now();
        const response = left > 0 ? await next(left) : undefined;
        if (response === undefined) break;
        hear(response);
      }
    } finally {
      if (dialogue.conn.open) {
        session.allow();
        await dialogue.writeLine("DONE");
        await session.finish("Cannot idle", tag, hear);
      }
    }
  } catch (error) {
    if (error instanceof CommandRefusal) throw session.refusal("Cannot idle", error.response);
    if (!(error instanceof ReplyError)) dialogue.abort(error);
    throw dialogue.causeOf(error);
  } finally {
    turns.onQueued = undefined;
    await release();
  }
}
