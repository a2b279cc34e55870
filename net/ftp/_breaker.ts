/** The ends of transfers that are not complete: broken by the other side, or given up by this one. */

import type { Connection } from "../connection/connection.ts";
import { NetError } from "../errors/errors.ts";
import type { Dialogue } from "../internal/dialogue.ts";
import type { FtpControl } from "./_control.ts";
import type { FtpVerdict } from "./_verdict.ts";
import type { FtpReply } from "./codec.ts";

/** Time limit for the reply to a call or a transfer that is aborted, in milliseconds. */
const BREAK = 5000;
/** Time for the server to act on ABOR before the data connection is reset, in milliseconds. */
const MOMENT = 250;

/**
 * Ends the session some time after a signal has aborted. Until then, the replies to the commands that are
 * under way can come, and the session goes on.
 */
export function hurry(dialogue: Dialogue, signal: AbortSignal): Disposable {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = () => {
    timer = setTimeout(() => dialogue.abort(signal.reason), limitOf(dialogue));
  };
  signal.addEventListener("abort", onAbort);
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}

function limitOf({ timeout }: Dialogue): number {
  return Math.min(BREAK, timeout || BREAK);
}

/** Ends transfers before their end. */
export class FtpBreaker {
  readonly #control: FtpControl;
  readonly #dialogue: Dialogue;
  readonly #verdict: FtpVerdict;

  constructor(control: FtpControl, verdict: FtpVerdict) {
    this.#control = control;
    this.#dialogue = control.dialogue;
    this.#verdict = verdict;
  }

  /**
   * Ends a transfer that the other side has broken. The session stays open if the server replies. Returns
   * the reason, or the error that the server reports if it ended the data connection itself.
   */
  async breakOff(what: string, data: Connection | undefined, reason: unknown): Promise<unknown> {
    const cut = !data?.open;
    data?.abort(reason);
    let reply: FtpReply;
    try {
      reply = await this.#control.reply(limitOf(this.#dialogue));
    } catch {
      this.#dialogue.abort(reason);
      return reason;
    }
    if (cut && reply.code >= 400) return this.#verdict.refused(what, reply);
    return this.#dialogue.spare(reason);
  }

  /**
   * Aborts a transfer from this side. ABOR is sent first: some servers take even a reset for the end of an
   * uploaded file, and others end the session if the data connection of a download breaks. Returns the
   * reason. The session stays open if the server replies.
   */
  async abandon(data: Connection | undefined, reason: unknown): Promise<unknown> {
    const dialogue = this.#dialogue;
    const limit = limitOf(dialogue);
    try {
      await dialogue.writeLine("ABOR");
      // Many servers do not read commands during a transfer.
      const early = await this.#replyWithin(MOMENT);
      data?.abort(reason);
      const first = early ?? await this.#control.reply(limit);
      // One reply belongs to the transfer, one to ABOR (RFC 959 §4.1.3). If 225 comes first, the
      // transfer had not started, and may have no reply.
      if (first.code === 225) await this.#replyWithin(MOMENT);
      else await this.#control.reply(limit);
    } catch {
      data?.abort(reason);
      dialogue.abort(reason);
      return reason;
    }
    return dialogue.spare(reason);
  }

  /** Reads the next reply; undefined if it does not arrive within the limit. */
  async #replyWithin(limit: number): Promise<FtpReply | undefined> {
    try {
      return await this.#control.reply(limit);
    } catch (error) {
      if (error instanceof NetError && error.kind === "timeout") return undefined;
      throw error;
    }
  }
}
