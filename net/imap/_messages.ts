/** Commands of IMAP for messages: search, fetch, copy, append (RFC 3501 §6.4). */

import { uidSets } from "./_commands.ts";
import { addFound, copiesIn, numberOf, text } from "./_response_values.ts";
import { FoundNumbers } from "./_ranges.ts";
import type { CommandPart } from "./_line.ts";
import { folderPart, nameOf } from "./_paths.ts";
import type { ImapSession } from "./_session.ts";
import {
  imapDateTime,
  imapFlag,
  type ImapResponseCode,
  type ImapSearch,
  imapSearch,
} from "./codec.ts";
import type {
  ImapAppendOptions,
  ImapPath,
  ImapSource,
  ImapStoreOptions,
  ImapUids,
} from "./options.ts";

/**
 * Maximum number of UIDs in a result that the server sends as ranges. A few bytes such as
 * `1:4294967295` can stand for many.
 */
const MAX_FOUND = 2_000_000;

/** Searches the open folder. Returns UIDs in ascending order. */
export async function searchMessages(session: ImapSession, search: ImapSearch): Promise<number[]> {
  const wanted = imapSearch(search);
  const charset = wanted.some((part) => typeof part !== "string") ? "CHARSET UTF-8 " : "";
  const found = new FoundNumbers();
  const parts = [`UID SEARCH ${charset}`, ...wanted];
  await session.run("Cannot search", parts, { take: (response) => addFound(found, response) });
  const most = session.selected?.exists ?? 0;
  if (Math.min(found.size, most) > MAX_FOUND) {
    throw session.dialogue.broken(`finds more than ${MAX_FOUND} messages`, "limit");
  }
  return found.sorted(most);
}

/**
 * Changes items of messages, such as their flags.
 *
 * @param list The items and their values.
 * @returns The UIDs that were left out, because the messages have changed (RFC 7162 §3.1.3).
 */
export async function storeItems(
  session: ImapSession,
  uids: ImapUids,
  change: "add" | "remove" | "set",
  list: readonly CommandPart[],
  { unchangedSince }: ImapStoreOptions = {},
): Promise<number[]> {
  if (unchangedSince !== undefined) session.require("CONDSTORE", "QRESYNC");
  const condition = unchangedSince === undefined ? "" : `(UNCHANGEDSINCE ${unchangedSince}) `;
  const sign = { add: "+", remove: "-", set: "" }[change];
  const left = new FoundNumbers();
  for (const set of uidSets(uids)) {
    const parts = [`UID STORE ${set} ${condition}${sign}`, ...list];
    const { code } = await session.run("Cannot change the flags", parts);
    if (code?.name === "MODIFIED") left.addSet(text(code.values[0] ?? null));
  }
  return left.sorted(Math.min(session.selected?.exists ?? 0, MAX_FOUND));
}

/** Copies or moves messages. Returns the new UIDs by the old ones, as far as the server reports them. */
export async function copyMessages(
  session: ImapSession,
  verb: "COPY" | "MOVE",
  uids: ImapUids,
  path: ImapPath,
): Promise<Map<number, number>> {
  const folder = await nameOf(session, path);
  const copies = new Map<number, number>();
  const most = Math.min(session.selected?.exists ?? 0, MAX_FOUND);
  const add = (code: ImapResponseCode | undefined) => {
    for (const [from, to] of copiesIn(code, most)) copies.set(from, to);
  };
  const what = `Cannot ${verb.toLowerCase()} to ${folder}`;
  for (const set of uidSets(uids)) {
    const parts = [`UID ${verb} ${set} `, folderPart(session, folder)];
    const { code } = await session.run(what, parts, {
      take(response) {
        // For MOVE the code comes before the end of the command (RFC 6851 §4.3).
        if (response.type === "status") add(response.code);
        return false;
      },
    });
    add(code);
  }
  return copies;
}

/** Appends a message to a folder. Returns its UID if the server reports it. */
export async function appendMessage(
  session: ImapSession,
  path: ImapPath,
  message: Exclude<ImapSource, string>,
  { flags = [], internalDate, size = 0 }: ImapAppendOptions,
): Promise<number | undefined> {
  const folder = await nameOf(session, path);
  const literal = message instanceof Uint8Array ? { literal: message } : { stream: message, size };
  const parts: CommandPart[] = ["APPEND ", folderPart(session, folder), " "];
  if (flags.length > 0) parts.push(`(${flags.map(imapFlag).join(" ")}) `);
  if (internalDate !== undefined) parts.push(`${imapDateTime(internalDate)} `);
  const { code } = await session.run(`Cannot append to ${folder}`, [...parts, literal]);
  return code?.name === "APPENDUID" ? numberOf(code.values[1]) : undefined;
}
