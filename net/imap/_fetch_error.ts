/** The error for messages that a server does not fetch. */

import { ReplyError } from "../errors/reply_error.ts";
import { replyOf } from "../internal/reply_of.ts";
import type { ImapMessage } from "./message.ts";

/** The refusal to fetch some messages. The session stays usable. */
export class ImapFetchError extends ReplyError {
  /** The name of the class. */
  override readonly name = "ImapFetchError";
  /** The messages that the server has sent. Empty for a loop, which has yielded them. */
  readonly messages: readonly ImapMessage[];

  /**
   * Creates an error.
   *
   * @param refusal The refusal of the server.
   * @param messages The messages that the server has sent.
   */
  constructor(refusal: ReplyError, messages: readonly ImapMessage[]) {
    super("Cannot fetch all messages", replyOf(refusal));
    this.cause = refusal;
    this.messages = messages;
  }
}
