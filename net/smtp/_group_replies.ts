/** The replies to commands that are sent together (RFC 2920). */

import { NetError } from "../errors/errors.ts";
import type { SmtpReply } from "./codec.ts";
import { isPositive, type SmtpControl, TEXT_TIME } from "./_control.ts";

/**
 * Reads the replies to a group of commands. If replies are missing, texts without a code have been the
 * replies: a reader of single replies takes them for the beginning of the following reply.
 *
 * @param control The control of a session.
 * @param count The number of commands.
 * @param hasData Whether the last command is DATA.
 */
export async function groupReplies(
  control: SmtpControl,
  count: number,
  hasData: boolean,
): Promise<SmtpReply[]> {
  const replies: SmtpReply[] = [];
  while (replies.length < count) {
    const reply = await nextReply(control, replies, count);
    if (reply === undefined) return separated(control, replies, count);
    replies.push(reply);
    // This is the reply to DATA, the last command.
    if (hasData && reply.code === 354) return separated(control, replies, count);
  }
  return replies;
}

/** Reads the next reply. Returns undefined if none follows, and texts can be the missing ones. */
async function nextReply(
  control: SmtpControl,
  replies: readonly SmtpReply[],
  count: number,
): Promise<SmtpReply | undefined> {
  const last = replies.at(-1);
  const isComplete = replies.filter(hasText).length === count - replies.length &&
    last !== undefined && !isPositive(last);
  if (!isComplete || control.dialogue.talkative) return await control.reply();
  const { timeout } = control.dialogue;
  try {
    return await control.reply(Math.min(timeout || Infinity, TEXT_TIME));
  } catch (error) {
    if (error instanceof NetError && error.kind === "timeout") return undefined;
    throw error;
  }
}

/** Separates texts from the replies that they are not a part of. */
function separated(
  control: SmtpControl,
  replies: readonly SmtpReply[],
  count: number,
): SmtpReply[] {
  const texts = replies.filter(hasText).length;
  if (replies.length === count) return [...replies];
  if (replies.length + texts !== count) throw control.dialogue.broken("sent too few replies");
  return replies.flatMap((reply) => {
    const { textLines = 0, ...rest } = reply;
    if (textLines === 0) return [reply];
    const { lines } = reply;
    return [{ code: 0, lines: lines.slice(0, textLines) }, {
      ...rest,
      lines: lines.slice(textLines),
    }];
  });
}

function hasText({ textLines }: SmtpReply): boolean {
  return textLines !== undefined;
}
