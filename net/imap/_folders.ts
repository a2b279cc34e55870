/** Commands of IMAP for folders: list, open, count (RFC 3501 §6.3, RFC 5258, 5819, 6154, 7162). */

import { ReplyError } from "../errors/reply_error.ts";
import { upperAscii } from "../text.ts";
import type { CommandPart } from "./_line.ts";
import { folderPart, nameOf } from "./_paths.ts";
import type { Range } from "./_ranges.ts";
import { identifyAfter } from "./_identity.ts";
import { unknownFolder, vanishedIn, withAnswer } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import { type ImapResponse, imapString } from "./codec.ts";
import type { ImapMessage } from "./message.ts";
import type {
  ImapFolder,
  ImapListOptions,
  ImapPath,
  ImapSelected,
  ImapSelectOptions,
  ImapStatus,
  ImapStatusOptions,
} from "./options.ts";

/** Folders that cannot be opened have one of these. */
const UNOPENABLE: ReadonlySet<string> = new Set(["\\NOSELECT", "\\NONEXISTENT"]);

/** Lists folders by LIST. */
export async function listFolders(
  session: ImapSession,
  pattern: string,
  reference: string,
  { specialUse = false, status }: ImapListOptions,
): Promise<ImapFolder[]> {
  const isExtended = session.supports("LIST-EXTENDED");
  const hasUses = isExtended && session.supports("SPECIAL-USE");
  const hasStatus = isExtended && session.supports("LIST-STATUS");
  const items = status === undefined ? undefined : statusItems(session, status);
  const wanted: string[] = [];
  if (hasUses) wanted.push("SPECIAL-USE");
  if (items !== undefined && hasStatus) wanted.push(`STATUS ${items}`);
  const verb = specialUse && hasUses ? "LIST (SPECIAL-USE)" : "LIST";
  let folders: ImapFolder[];
  try {
    folders = await ask(session, verb, pattern, reference, wanted);
  } catch (error) {
    // Some servers cannot do what they offer.
    if (wanted.length === 0 || !(error instanceof ReplyError)) throw error;
    folders = await ask(session, "LIST", pattern, reference, []);
  }
  if (specialUse) folders = folders.filter((folder) => folder.specialUse !== undefined);
  return items === undefined ? folders : await withStatus(session, folders, items);
}

/** Lists the folders that the user has subscribed to. IMAP4rev2 has no LSUB. */
export async function listSubscribed(
  session: ImapSession,
  pattern: string,
  reference: string,
): Promise<ImapFolder[]> {
  const verb = session.capabilities.has("IMAP4REV2") ? "LIST (SUBSCRIBED)" : "LSUB";
  return await ask(session, verb, pattern, reference, []);
}

async function ask(
  session: ImapSession,
  verb: string,
  pattern: string,
  reference: string,
  wanted: readonly string[],
): Promise<ImapFolder[]> {
  const found: ImapFolder[] = [];
  const counters = new Map<string, ImapStatus>();
  const parts: CommandPart[] = [`${verb} `, imapString(session.spell(reference)), " "];
  parts.push(imapString(session.spell(pattern)));
  if (wanted.length > 0) parts.push(` RETURN (${wanted.join(" ")})`);
  await session.run("Cannot list the folders", parts, {
    take(response) {
      const folder = session.folderOf(response);
      const counted = session.statusOf(response);
      if (folder !== undefined) found.push(folder);
      if (counted !== undefined) counters.set(counted.name, counted.status);
      return folder !== undefined || counted !== undefined;
    },
  });
  return found.map((folder) => {
    const status = counters.get(folder.name);
    return status === undefined ? folder : { ...folder, status };
  });
}

/** Asks for the counters of each folder that does not have them yet. A refusal takes their place. */
async function withStatus(
  session: ImapSession,
  folders: readonly ImapFolder[],
  items: string,
): Promise<ImapFolder[]> {
  const all: ImapFolder[] = [];
  for (const folder of folders) {
    const isOpenable = !folder.flags.some((flag) => UNOPENABLE.has(upperAscii(flag)));
    if (folder.status !== undefined || !isOpenable) {
      all.push(folder);
      continue;
    }
    try {
      all.push({ ...folder, status: await askStatus(session, folder.name, items) });
    } catch (error) {
      // The user may see a folder and not be allowed to open it.
      if (!(error instanceof ReplyError)) throw error;
      all.push({ ...folder, statusError: error });
    }
  }
  return all;
}

/** Opens a folder. The folder that was open before is closed, even if this fails. */
export async function selectFolder(
  session: ImapSession,
  verb: "SELECT" | "EXAMINE",
  path: ImapPath,
  options: ImapSelectOptions,
): Promise<ImapSelected> {
  const name = await nameOf(session, path);
  const { resync } = options;
  if (resync !== undefined) await enable(session, "QRESYNC");
  else if (options.condstore) session.require("CONDSTORE", "QRESYNC");
  const conditions = resync === undefined
    ? options.condstore ? " (CONDSTORE)" : ""
    : ` (QRESYNC (${resync.uidValidity} ${resync.modSeq}${
      resync.uids === undefined ? "" : ` ${resync.uids}`
    }))`;
  try {
    return await openFolder(session, verb, name, conditions);
  } catch (error) {
    if (!await identifyAfter(session, error)) throw error;
    return await openFolder(session, verb, name, conditions);
  }
}

async function openFolder(
  session: ImapSession,
  verb: "SELECT" | "EXAMINE",
  name: string,
  conditions: string,
): Promise<ImapSelected> {
  let found = unknownFolder(name, verb === "EXAMINE");
  const vanished: Range[] = [];
  const changed: ImapMessage[] = [];
  const takeChange = (response: ImapResponse): boolean => {
    const gone = vanishedIn(response);
    const message = gone === undefined ? session.messageOf(response) : undefined;
    for (const range of gone?.uids ?? []) vanished.push(range);
    if (message !== undefined) changed.push(message);
    return gone !== undefined || message !== undefined;
  };
  session.selected = undefined;
  const parts = [`${verb} `, folderPart(session, name), conditions];
  const end = await session.run(`Cannot open the folder ${name}`, parts, {
    take(response) {
      if (conditions.startsWith(" (QRESYNC") && takeChange(response)) return true;
      const known = withAnswer(found, response);
      const own = response.type === "data" && known !== found;
      found = known;
      return own;
    },
  });
  session.selected = withAnswer(found, end);
  const isResync = conditions.startsWith(" (QRESYNC");
  return isResync ? { ...session.selected, vanished, changed } : session.selected;
}

/** Closes the open folder without removing messages (UNSELECT, RFC 3691). */
export async function unselectFolder(session: ImapSession): Promise<void> {
  const { selected } = session;
  if (selected === undefined) return;
  const what = `Cannot close the folder ${selected.name}`;
  session.selected = undefined;
  if (session.supports("UNSELECT")) return void await session.run(what, ["UNSELECT"]);
  // CLOSE removes the messages that are marked as deleted, unless the folder is open for reading only.
  if (!selected.readOnly) await session.run(what, ["EXAMINE ", folderPart(session, selected.name)]);
  session.selected = undefined;
  await session.run(what, ["CLOSE"]);
}

/** Asks for the counters of a folder. */
export async function folderStatus(
  session: ImapSession,
  path: ImapPath,
  options: ImapStatusOptions,
): Promise<ImapStatus> {
  const name = await nameOf(session, path);
  return await askStatus(session, name, statusItems(session, options));
}

async function askStatus(
  session: ImapSession,
  name: string,
  items: string,
): Promise<ImapStatus> {
  let found: ImapStatus = {};
  const parts = ["STATUS ", folderPart(session, name), ` ${items}`];
  await session.run(`Cannot ask for the status of ${name}`, parts, {
    take(response) {
      const counted = session.statusOf(response);
      if (counted !== undefined) found = counted.status;
      return counted !== undefined;
    },
  });
  return found;
}

/** Returns the items of STATUS. Items that the server does not support are left out. */
function statusItems(session: ImapSession, { size, modSeq }: ImapStatusOptions): string {
  const items = ["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY"];
  if (size && session.supports("STATUS=SIZE")) items.push("SIZE");
  const hasModSeq = session.supports("CONDSTORE") || session.supports("QRESYNC");
  if (modSeq && hasModSeq) items.push("HIGHESTMODSEQ");
  if (session.supports("OBJECTID")) items.push("MAILBOXID");
  return `(${items.join(" ")})`;
}

/** Enables an extension once (RFC 5161). */
export async function enable(session: ImapSession, name: string): Promise<void> {
  if (session.enabled.has(name)) return;
  session.require(name);
  await session.run(`Cannot enable ${name}`, [`ENABLE ${name}`]);
  session.enabled.add(name);
}
