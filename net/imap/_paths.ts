/** Paths of folders: names, or lists of names that the delimiter of the server joins. */

import { optionError, type Rule, rule } from "../internal/options.ts";
import type { ImapSession } from "./_session.ts";
import { isPlainName } from "./_commands.ts";
import { type ImapPart, imapString } from "./codec.ts";
import type { ImapPath } from "./options.ts";

/** A name of a folder that may be new. */
export const plainName: Rule = rule("a name without control characters", isPlainName);

/** Rejects a value that is no path. */
export function checkPath(name: string, path: unknown): void {
  const isName = (one: unknown) => typeof one === "string" && one !== "";
  if (typeof path === "string" || (Array.isArray(path) && path.length > 0 && path.every(isName))) {
    return;
  }
  throw optionError(name, "a name, or a list of names that are not empty", path);
}

/** Returns the full name of a folder. */
export async function nameOf(session: ImapSession, path: ImapPath): Promise<string> {
  checkPath("folder", path);
  const { spellings } = session;
  const known = typeof path === "string" ? path : path.join(session.delimiter ?? "");
  // A folder whose name has such characters exists if the server has listed it.
  if (!spellings.has(known)) { for (const name of [path].flat()) plainName("folder", name); }
  if (typeof path === "string") return path;
  const delimiter = session.delimiter ??= await askDelimiter(session);
  if (delimiter === "" && path.length > 1) {
    throw new TypeError(`${session.dialogue.peer} has no folders within folders`);
  }
  const bad = delimiter === "" ? undefined : path.find((name) => name.includes(delimiter));
  if (bad !== undefined) {
    throw new TypeError(`A folder must not contain the delimiter ${delimiter}: ${bad}`);
  }
  return path.join(delimiter);
}

/** Returns the name of a folder as a command has it: as the server spells it, if that is known. */
export function folderPart(session: ImapSession, name: string): ImapPart {
  return imapString(session.spellings.get(name) ?? session.spell(name));
}

/** Asks for the delimiter (RFC 3501 §6.3.8); an empty string if the server has none. */
async function askDelimiter(session: ImapSession): Promise<string> {
  let delimiter = "";
  await session.run("Cannot ask for the delimiter of folders", ['LIST "" ""'], {
    take(response) {
      const folder = session.folderOf(response);
      delimiter = folder?.delimiter ?? delimiter;
      return folder !== undefined;
    },
  });
  return delimiter;
}
