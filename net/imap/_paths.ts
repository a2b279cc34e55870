/** Paths of folders: names, or lists of names that the delimiter of the server joins. */

import { optionError } from "../internal/options.ts";
import { folderOf } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapPath } from "./options.ts";

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

/** Asks for the delimiter (RFC 3501 §6.3.8); an empty string if the server has none. */
async function askDelimiter(session: ImapSession): Promise<string> {
  let delimiter = "";
  await session.run("Cannot ask for the delimiter of folders", ['LIST "" ""'], {
    take(response) {
      const folder = folderOf(response);
      delimiter = folder?.delimiter ?? delimiter;
      return folder !== undefined;
    },
  });
  return delimiter;
}
