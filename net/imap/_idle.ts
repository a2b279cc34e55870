/** The news of a folder, as they come (IDLE: RFC 2177). */

import { NetError } from "../errors/errors.ts";
import { CommandRefusal } from "./_line.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapResponse } from "./codec.ts";
import type { ImapEvent } from "./options.ts";
import { ReplyError } from "../errors/reply_error.ts";

/** What happens that nobody has read yet. */
const MAX_NEWS = 100_000;

/**
 * Tells the news until `signal`, beginning anew every `renew` milliseconds. Nobody else waits for it:
 * it ends IDLE before it tells something, and when somebody else has a command.
 */
export async function* idleImap(
  session: ImapSession,
  renew: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImapEvent, void, void> {
  const { dialogue, listeners } = session;
  if (!session.capabilities.has("IDLE")) {
    throw new NetError(`${dialogue.peer} knows no IDLE`, { kind: "unsupported", phase: "request" });
  }
  const news: ImapEvent[] = [];
  // What the answers to other commands tell is news as well.
  const listener = (event: ImapEvent) => {
    if (news.push(event) > MAX_NEWS) {
      throw dialogue.broken(`tells more than ${MAX_NEWS} news at once`, "limit");
    }
  };
  listeners.add(listener);
  try {
    while (!signal?.aborted) {
      if (news.length === 0) await listen(session, renew, news, signal);
      yield* news.splice(0);
    }
  } finally {
    listeners.delete(listener);
  }
}

/** Listens until there is news, or it has to end. */
async function listen(
  session: ImapSession,
  renew: number,
  news: readonly ImapEvent[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { dialogue, line } = session;
  const release = await dialogue.hold();
  const wanted = new AbortController();
  const over = signal === undefined ? wanted.signal : AbortSignal.any([signal, wanted.signal]);
  dialogue.onQueued = () => wanted.abort();
  if (dialogue.queued > 0) wanted.abort();
  const hear = (response: ImapResponse) => session.hear(response);
  /** The next response; nothing when the time is over or nobody wants to hear more. */
  const next = async (timeout: number): Promise<ImapResponse | undefined> => {
    try {
      return await line.read({ timeout: Math.min(timeout, 2 ** 31 - 1), signal: over });
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
    throw error;
  } finally {
    dialogue.onQueued = undefined;
    await release();
  }
}
