/** The replies to commands that are sent together (RFC 2920). */

import { NetError } from "../errors/errors.ts";
import { replyTime } from "./_times.ts";
import type { SmtpReply } from "./codec.ts";
import { isPositive, type SmtpControl, TEXT_TIME } from "./_control.ts";

/**
 * Reads the replies to a group of commands. If replies are missing, texts without a code have been the
 * replies: a reader of single replies takes them for the beginning of the following reply.
 *
 * @param control The control of a session.
 * @param commands The commands that were sent.
 */
export async function groupReplies(
  control: SmtpControl,
  commands: readonly string[],
): Promise<SmtpReply[]> {
  const count = commands.length;
  const hasData = commands.at(-1) === "DATA";
  const replies: SmtpReply[] = [];
  while (replies.length < count) {
    const reply = control.tryReply() ?? await nextReply(control, replies, commands);
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
  commands: readonly string[],
): Promise<SmtpReply | undefined> {
  const timeout = replyTime(control.times, commands[replies.length]!);
  const last = replies.at(-1);
  const isComplete = replies.filter(hasText).length === commands.length - replies.length &&
    last !== undefined && !isPositive(last);
  if (!isComplete || control.dialogue.talkative) return await control.reply(timeout);
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
