/** The limits of folders (RFC 9208, RFC 2087). */

import { folderPart, nameOf } from "./_paths.ts";
import { numberOf, text, texts } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapPath } from "./options.ts";
import { upperAscii } from "../text.ts";

/** The use of a limit. */
export interface ImapQuotaUse {
  /** The amount that is used. */
  readonly used: number;
  /** The limit. */
  readonly limit: number;
}

/** The limits that some folders share. */
export interface ImapQuota {
  /** The name of the group of folders, which may be empty. */
  readonly root: string;
  /** The limit of the size of all messages, in bytes. */
  readonly storage?: ImapQuotaUse;
  /** The limit of the number of messages. */
  readonly messages?: ImapQuotaUse;
  /** All limits by their names in capitals, in the units of the server. `STORAGE` counts 1024 bytes. */
  readonly resources: ReadonlyMap<string, ImapQuotaUse>;
}

/** Asks for the quotas of a folder. */
export async function askQuotas(session: ImapSession, path: ImapPath): Promise<ImapQuota[]> {
  session.require("QUOTA");
  const name = await nameOf(session, path);
  const found: ImapQuota[] = [];
  await session.run(
    `Cannot ask for the quota of ${name}`,
    ["GETQUOTAROOT ", folderPart(session, name)],
    {
      take(response) {
        if (response.type !== "data" || !/^QUOTA(?:ROOT)?$/.test(response.name)) return false;
        const [root = null, list] = response.values;
        if (response.name === "QUOTA") found.push(quotaOf(text(root), texts(list)));
        return true;
      },
    },
  );
  return found;
}

function quotaOf(root: string, words: readonly string[]): ImapQuota {
  const resources = new Map<string, ImapQuotaUse>();
  for (let i = 0; i + 2 < words.length; i += 3) {
    const [used, limit] = [numberOf(words[i + 1]), numberOf(words[i + 2])];
    if (used === undefined || limit === undefined) continue;
    resources.set(upperAscii(words[i]!), { used, limit });
  }
  const storage = resources.get("STORAGE");
  const messages = resources.get("MESSAGE");
  return {
    root,
    ...(storage && { storage: { used: storage.used * 1024, limit: storage.limit * 1024 } }),
    ...(messages && { messages }),
    resources,
  };
}
