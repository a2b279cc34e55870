/** Changes of messages since an earlier state of the folder (RFC 7162 §3.1.4). */

import { uidSets } from "./_commands.ts";
import { enable } from "./_folders.ts";
import { mergedRanges, type Range } from "./_ranges.ts";
import { fetchItems, vanishedIn } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapMessage } from "./message.ts";
import type { ImapFetch, ImapUidRange, ImapUids } from "./options.ts";

/** Changes since an earlier state. */
export interface ImapChanges {
  /** The messages that have changed, or are new. */
  readonly messages: readonly ImapMessage[];
  /** The UIDs that have vanished; undefined if the server lacks QRESYNC. */
  readonly vanished: readonly ImapUidRange[] | undefined;
}

/** Fetches the changes. */
export async function changesSince(
  session: ImapSession,
  uids: ImapUids,
  modSeq: bigint,
  items: ImapFetch,
): Promise<ImapChanges> {
  session.require("CONDSTORE", "QRESYNC");
  const sets = uidSets(uids);
  const hasVanished = session.supports("QRESYNC");
  if (hasVanished) await enable(session, "QRESYNC");
  const wanted = fetchItems({ ...items, modSeq: true });
  const modifiers = `(CHANGEDSINCE ${modSeq}${hasVanished ? " VANISHED" : ""})`;
  const messages: ImapMessage[] = [];
  const vanished: Range[] = [];
  for (const set of sets) {
    await session.run("Cannot fetch changes", [`UID FETCH ${set} (${wanted}) ${modifiers}`], {
      take(response) {
        const gone = vanishedIn(response);
        if (gone?.earlier) { for (const range of gone.uids) vanished.push(range); }
        const message = session.messageOf(response, items.sections);
        if (message?.uid !== undefined) messages.push(message);
        return gone?.earlier === true || message?.uid !== undefined;
      },
    });
  }
  return { messages, vanished: hasVanished ? mergedRanges(vanished) : undefined };
}
