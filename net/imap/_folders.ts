/** Commands of IMAP for folders: list, open, count (RFC 3501 §6.3). */

import { identifyAfter } from "./_identity.ts";
import { folderOf, statusOf, unknownFolder, withAnswer } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import { imapFolderName } from "./codec.ts";
import type { ImapFolder, ImapSelected, ImapStatus } from "./options.ts";

/** Lists folders by LIST or a variant of it. */
export async function listFolders(
  session: ImapSession,
  verb: string,
  pattern: string,
  reference: string,
): Promise<ImapFolder[]> {
  const found: ImapFolder[] = [];
  const parts = [`${verb} `, imapFolderName(reference), " ", imapFolderName(pattern)];
  await session.run("Cannot list the folders", parts, {
    take(response) {
      const folder = folderOf(response);
      if (folder !== undefined) found.push(folder);
      return folder !== undefined;
    },
  });
  return found;
}

/** Opens a folder. The folder that was open before is closed, even if this fails. */
export async function selectFolder(
  session: ImapSession,
  verb: "SELECT" | "EXAMINE",
  name: string,
): Promise<ImapSelected> {
  try {
    return await openFolder(session, verb, name);
  } catch (error) {
    if (!await identifyAfter(session, error)) throw error;
    return await openFolder(session, verb, name);
  }
}

async function openFolder(
  session: ImapSession,
  verb: "SELECT" | "EXAMINE",
  name: string,
): Promise<ImapSelected> {
  let found = unknownFolder(name, verb === "EXAMINE");
  session.selected = undefined;
  const parts = [`${verb} `, imapFolderName(name)];
  const end = await session.run(`Cannot open the folder ${name}`, parts, {
    take(response) {
      const known = withAnswer(found, response);
      const own = response.type === "data" && known !== found;
      found = known;
      return own;
    },
  });
  return session.selected = withAnswer(found, end);
}

/** Asks for the counters of a folder. */
export async function folderStatus(session: ImapSession, name: string): Promise<ImapStatus> {
  let found: ImapStatus = {};
  const parts = ["STATUS ", imapFolderName(name), " (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"];
  await session.run(`Cannot ask for the status of ${name}`, parts, {
    take(response) {
      const status = statusOf(response);
      if (status !== undefined) found = status;
      return status !== undefined;
    },
  });
  return found;
}
