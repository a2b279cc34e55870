/** The exchange of names and versions between client and server (RFC 2971). */

import { ReplyError } from "../errors/reply_error.ts";
import { texts } from "./_response_values.ts";
import type { CommandPart } from "./_line.ts";
import type { ImapSession } from "./_session.ts";
import { imapString } from "./codec.ts";
import type { ImapId } from "./options.ts";

/** The fields for servers that require some. */
const MINIMAL: ImapId = { name: "portside" };

/** Sends fields, and returns those of the server. */
export async function exchangeIds(session: ImapSession, fields: ImapId): Promise<ImapId> {
  const parts: CommandPart[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(parts.length === 0 ? "" : " ", imapString(name), " ", imapString(value));
  }
  let found: ImapId = {};
  const list = parts.length === 0 ? ["NIL"] : ["(", ...parts, ")"];
  await session.run("Cannot send ID", ["ID ", ...list], {
    take(response) {
      if (response.type !== "data" || response.name !== "ID") return false;
      const words = texts(response.values[0]);
      const pairs = words.flatMap((name, i) => i % 2 === 0 ? [[name, words[i + 1] ?? ""]] : []);
      found = Object.fromEntries(pairs);
      return true;
    },
  });
  return found;
}

/** Sends the fields of the options, if there are any, and if the server takes them. */
export async function identify(session: ImapSession): Promise<void> {
  const { id } = session.options;
  if (id !== undefined) await tryIdentify(session, id);
}

/**
 * Identifies the client because a server refuses to open folders without that, as those of NetEase do.
 * Returns false if this is not the reason of the refusal, or if the client has done so already.
 */
export async function identifyAfter(session: ImapSession, error: unknown): Promise<boolean> {
  const isReason = error instanceof ReplyError && /unsafe login/i.test(error.text);
  return isReason && await tryIdentify(session, MINIMAL);
}

async function tryIdentify(session: ImapSession, fields: ImapId): Promise<boolean> {
  if (session.isIdentified || !session.supports("ID")) return false;
  session.isIdentified = true;
  try {
    await exchangeIds(session, fields);
  } catch (error) {
    // Sessions without ID work, too.
    if (!(error instanceof ReplyError)) throw error;
  }
  return true;
}
