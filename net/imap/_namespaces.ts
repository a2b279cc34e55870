/** The namespaces of folders (RFC 2342). */

import { text } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import { decodeModifiedUtf7, type ImapValue } from "./codec.ts";

/** The common beginning of the names of some folders. */
export interface ImapNamespace {
  /** The beginning, with its delimiter, such as `INBOX.` or an empty string. */
  readonly prefix: string;
  /** The separator between the parts of a name; undefined if there is none. */
  readonly delimiter: string | undefined;
}

/** The namespaces of a server. */
export interface ImapNamespaces {
  /** The user's own folders. */
  readonly personal: readonly ImapNamespace[];
  /** Folders of other users. */
  readonly others: readonly ImapNamespace[];
  /** Folders that several users share. */
  readonly shared: readonly ImapNamespace[];
}

/** Asks for the namespaces. */
export async function askNamespaces(session: ImapSession): Promise<ImapNamespaces> {
  session.require("NAMESPACE");
  let found: ImapNamespaces = { personal: [], others: [], shared: [] };
  await session.run("Cannot ask for the namespaces", ["NAMESPACE"], {
    take(response) {
      if (response.type !== "data" || response.name !== "NAMESPACE") return false;
      const [personal, others, shared] = response.values;
      found = {
        personal: namespacesIn(personal),
        others: namespacesIn(others),
        shared: namespacesIn(shared),
      };
      return true;
    },
  });
  return found;
}

function namespacesIn(value: ImapValue | undefined): ImapNamespace[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one) => Array.isArray(one)).map(([prefix = null, delimiter = null]) => ({
    prefix: decodeModifiedUtf7(text(prefix)),
    delimiter: text(delimiter) || undefined,
  }));
}
