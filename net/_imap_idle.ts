/** The news of a folder, as they come (IDLE: RFC 2177). */

import { NetError } from "./errors.ts";
import { Refusal } from "./_imap_line.ts";
import type { ImapSession } from "./_imap_session.ts";
import type { ImapResponse } from "./imap_codec.ts";
import type { ImapEvent } from "./imap_options.ts";
import { ReplyError } from "./reply_error.ts";

/** What happens between two loops that nobody has read yet. */
const MAX_NEWS = 100_000;

/** Tells the news until `signal`, beginning anew every `renew` milliseconds. */
export async function* idleImap(
  session: ImapSession,
  renew: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImapEvent, void, void> {
  const { dialogue, line } = session;
  if (!session.capabilities.has("IDLE")) {
    throw new NetError(`${dialogue.peer} knows no IDLE`, { kind: "unsupported", phase: "request" });
  }
  const release = await dialogue.hold();
  const news: ImapEvent[] = [];
  const hear = (response: ImapResponse) => {
    const event = session.hear(response);
    if (event !== undefined && news.push(event) > MAX_NEWS) {
      throw dialogue.broken(`tells more than ${MAX_NEWS} news at once`, "limit");
    }
  };
  /** The next response; nothing when the time is over or nobody wants to hear more. */
  const next = async (timeout: number): Promise<ImapResponse | undefined> => {
    try {
      return await line.read({
        timeout: Math.min(timeout, 2 ** 31 - 1),
        ...(signal && { signal }),
      });
    } catch (error) {
      const over = signal?.aborted || (error instanceof NetError && error.kind === "timeout");
      if (over && dialogue.conn.open && !line.midway) return undefined;
      throw error;
    }
  };
  try {
    while (!signal?.aborted) {
      session.allow();
      const tag = await line.send(["IDLE"], hear);
      await line.untilContinue(tag, hear);
      dialogue.allow(0);
      line.most = Infinity;
      const until = performance.now() + renew;
      try {
        for (;;) {
          while (news.length > 0) yield news.shift()!;
          const left = until - performance.now();
          if (left <= 0 || signal?.aborted) break;
          const response = await next(left);
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
    }
    yield* news;
  } catch (error) {
    if (error instanceof Refusal) throw session.refusal("Cannot idle", error.response);
    if (!(error instanceof ReplyError)) dialogue.abort(error);
    throw error;
  } finally {
    await release();
  }
}
