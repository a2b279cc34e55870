/**
 * The methods of `ImapClient` for extensions of IMAP: namespaces, quotas, sorting, threads, changes since
 * an earlier session, labels of Gmail, ID.
 *
 * @example Get the changes since the last session
 * ```ts
 * import type { ImapClient } from "@portside/kit/net/imap";
 *
 * async function changes(mail: ImapClient, modSeq: bigint): Promise<(number | undefined)[]> {
 *   await mail.select("INBOX");
 *   const { messages } = await mail.changedSince("1:*", modSeq);
 *   return messages.map(({ uid }) => uid);
 * }
 * ```
 *
 * **Permissions**: those of `connectImap`.
 *
 * @module
 */

import { listOf, oneOf } from "../internal/options.ts";
import { changesSince, type ImapChanges } from "./_changes.ts";
import { encodeModifiedUtf7, imapString } from "./_commands.ts";
import { unselectFolder } from "./_folders.ts";
import { exchangeIds } from "./_identity.ts";
import { storeItems } from "./_messages.ts";
import { askNamespaces, type ImapNamespaces } from "./_namespaces.ts";
import { CHANGE, idFields, IMAP_FETCH, modSeq as modSeqRule } from "./_option_rules.ts";
import { plainName } from "./_paths.ts";
import { askQuotas, type ImapQuota } from "./_quotas.ts";
import type { ImapSession } from "./_session.ts";
import {
  type ImapSortKey,
  type ImapThread,
  sortKeys,
  sortMessages,
  threadMessages,
} from "./_sorting.ts";
import type { ImapPart, ImapSearch } from "./codec.ts";
import type { ImapFetch, ImapId, ImapPath, ImapUids } from "./options.ts";

export type { ImapChanges } from "./_changes.ts";
export type { ImapNamespace, ImapNamespaces } from "./_namespaces.ts";
export type { ImapQuota, ImapQuotaUse } from "./_quotas.ts";
export type { ImapSortKey, ImapThread } from "./_sorting.ts";

const LABELS = listOf(plainName);
const ALGORITHM = oneOf("references", "orderedsubject");

/** The methods for extensions. A server that lacks one rejects with a `NetError` "unsupported". */
export class ImapExtensions {
  readonly #session: ImapSession;

  /**
   * Takes over a session. For use by `ImapClient`.
   *
   * @ignore
   */
  constructor(session: ImapSession) {
    this.#session = session;
  }

  /**
   * Asks for the prefixes of the user's own folders, those of other users, and shared ones (RFC 2342).
   *
   * @returns The namespaces of each kind.
   * @throws {NetError} "unsupported" if the server lacks NAMESPACE.
   */
  async namespaces(): Promise<ImapNamespaces> {
    return await this.#exclusive(() => askNamespaces(this.#session));
  }

  /**
   * Asks for the limits that apply to a folder, and how much of them is used (QUOTA, RFC 9208).
   *
   * @param folder The name or path of the folder. Default: `INBOX`.
   * @returns The quotas of the folder.
   * @throws {NetError} "unsupported" if the server lacks QUOTA.
   */
  async quotas(folder: ImapPath = "INBOX"): Promise<ImapQuota[]> {
    return await this.#exclusive(() => askQuotas(this.#session, folder));
  }

  /**
   * Searches the open folder for messages, and sorts them (SORT, RFC 5256).
   *
   * @param keys The keys, the most important one first. A `-` reverses a key: `-date` is the newest first.
   * @param search The criteria, all of which must match. Default: all messages.
   * @returns The UIDs of the messages, in this order.
   * @throws {NetError} "unsupported" if the server lacks SORT.
   * @throws {TypeError | RangeError} If a key or a criterion is unknown or invalid.
   */
  async sort(keys: readonly ImapSortKey[], search: ImapSearch = {}): Promise<number[]> {
    const wanted = sortKeys(keys);
    return await this.#exclusive(() => sortMessages(this.#session, wanted, search));
  }

  /**
   * Searches the open folder for messages, and puts them into threads (THREAD, RFC 5256).
   *
   * @param algorithm "references" by the fields of the header, "orderedsubject" by subject and date.
   * @param search The criteria, all of which must match. Default: all messages.
   * @returns The threads, each with its first message.
   * @throws {NetError} "unsupported" if the server lacks the algorithm.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async thread(
    algorithm: "references" | "orderedsubject" = "references",
    search: ImapSearch = {},
  ): Promise<ImapThread[]> {
    ALGORITHM("algorithm", algorithm);
    return await this.#exclusive(() => threadMessages(this.#session, algorithm, search));
  }

  /**
   * Fetches the messages that have changed since an earlier state (CONDSTORE, RFC 7162). With QRESYNC, the
   * result also has the UIDs that have vanished.
   *
   * @param uids The UIDs of the messages, such as `1:*`.
   * @param modSeq The earlier `highestModSeq` of the folder.
   * @param items The items to fetch besides `modSeq`. Default: the flags.
   * @returns The changed messages, and the UIDs that have vanished.
   * @throws {NetError} "unsupported" if the server lacks CONDSTORE.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async changedSince(
    uids: ImapUids,
    modSeq: bigint,
    items: ImapFetch = { flags: true },
  ): Promise<ImapChanges> {
    items = IMAP_FETCH.check("changedSince", items);
    modSeqRule("modSeq", modSeq);
    return await this.#exclusive(() => changesSince(this.#session, uids, modSeq, items));
  }

  /**
   * Changes the labels of messages at Gmail.
   *
   * @param uids The UIDs of the messages.
   * @param change "add" or "remove" for single labels, "set" to replace all labels.
   * @param labels The labels: names such as `Work`, or those of Gmail such as `\Starred`.
   * @throws {NetError} "unsupported" if the server is not Gmail.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async storeLabels(
    uids: ImapUids,
    change: "add" | "remove" | "set",
    labels: readonly string[],
  ): Promise<void> {
    CHANGE("change", change);
    LABELS("labels", labels);
    const list: ImapPart[] = ["X-GM-LABELS.SILENT ("];
    for (const [i, label] of labels.entries()) {
      const isOwn = /^\\[A-Za-z]+$/.test(label);
      list.push(i === 0 ? "" : " ", isOwn ? label : imapString(encodeModifiedUtf7(label)));
    }
    await this.#exclusive(async () => {
      this.#session.require("X-GM-EXT-1");
      await storeItems(this.#session, uids, change, [...list, ")"]);
    });
  }

  /** Closes the open folder without removing messages (UNSELECT, RFC 3691, or a substitute). */
  async unselect(): Promise<void> {
    await this.#exclusive(() => unselectFolder(this.#session));
  }

  /**
   * Identifies the client, and asks for the name and version of the server (ID, RFC 2971).
   *
   * @param fields The fields of the client. Default: none.
   * @returns The fields of the server, such as `name` and `version`.
   * @throws {NetError} "unsupported" if the server lacks ID.
   * @throws {TypeError} If a field is invalid.
   */
  async id(fields: ImapId = {}): Promise<ImapId> {
    idFields("fields", fields);
    return await this.#exclusive(() => {
      this.#session.require("ID");
      return exchangeIds(this.#session, fields);
    });
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#session.dialogue.exclusive(work);
  }
}
