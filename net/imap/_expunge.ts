/** The removal of messages from a folder (RFC 3501 §6.4.3, RFC 4315 §2.1). */

import { NetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { uidSets } from "./_commands.ts";
import { searchMessages } from "./_messages.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapExpungeOptions, ImapUids } from "./options.ts";

const WHAT = "Cannot remove the deleted messages";

/** Removes messages that are marked as deleted: all of them, or only those with the given UIDs. */
export async function expungeMessages(
  session: ImapSession,
  uids: ImapUids | undefined,
  { others = "restore" }: ImapExpungeOptions,
): Promise<void> {
  const sets = uids === undefined ? undefined : uidSets(uids);
  if (sets?.length === 0) return;
  if (sets === undefined) return void await session.run(WHAT, ["EXPUNGE"]);
  if (session.supports("UIDPLUS")) {
    for (const set of sets) await session.run(WHAT, [`UID EXPUNGE ${set}`]);
    return;
  }
  const spared = await markedOthers(session, uids!);
  if (spared.length > 0 && others === "refuse") {
    const { peer } = session.dialogue;
    const message = `${WHAT} on ${peer}: ${spared.length} other messages are marked as deleted, ` +
      "and the server does not support UIDPLUS";
    throw new NetError(message, { kind: "unsupported", phase: "request", address: peer });
  }
  await mark(session, "-", spared);
  try {
    await session.run(WHAT, ["EXPUNGE"]);
  } catch (error) {
    await ignoreFailure(mark(session, "+", spared));
    throw error;
  }
  await mark(session, "+", spared);
}

/** Returns the messages that are marked as deleted, without the given ones. */
async function markedOthers(session: ImapSession, uids: ImapUids): Promise<number[]> {
  if (typeof uids === "string") {
    // Only the server knows the message of `*`.
    return await searchMessages(session, { deleted: true, not: { uids } });
  }
  const own = new Set([uids].flat());
  return (await searchMessages(session, { deleted: true })).filter((uid) => !own.has(uid));
}

async function mark(session: ImapSession, sign: "+" | "-", uids: readonly number[]): Promise<void> {
  for (const set of uidSets(uids)) {
    const command = `UID STORE ${set} ${sign}FLAGS.SILENT (\\Deleted)`;
    await session.run("Cannot change the marks of other messages", [command]);
  }
}
