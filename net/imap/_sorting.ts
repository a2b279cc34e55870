/** Sorting and threading on the server (RFC 5256). */

import { listOf, oneOf } from "../internal/options.ts";
import { numberOf } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import { type ImapSearch, imapSearch, type ImapValue } from "./codec.ts";

/** A key to sort by. A `-` reverses the order. */
export type ImapSortKey = `${
  | ""
  | "-"}${"arrival" | "cc" | "date" | "from" | "size" | "subject" | "to"}`;

/** A message of a thread, and the answers to it. */
export interface ImapThread {
  /** The UID of the message; undefined if the message is missing in the folder. */
  readonly uid: number | undefined;
  /** The answers, each with its own answers. */
  readonly answers: readonly ImapThread[];
}

const KEYS: readonly ImapSortKey[] = [
  "arrival",
  "cc",
  "date",
  "from",
  "size",
  "subject",
  "to",
];
const SORT_KEYS = listOf(oneOf(...KEYS, ...KEYS.map((key) => `-${key}`)));

/** Checks keys, and formats them for SORT. */
export function sortKeys(keys: readonly ImapSortKey[]): string {
  SORT_KEYS("keys", keys);
  if (keys.length === 0) throw new TypeError("keys must not be empty");
  return keys.map((key) => key.startsWith("-") ? `REVERSE ${key.slice(1)}` : key).join(" ")
    .toUpperCase();
}

/** Searches and sorts. Returns UIDs. */
export async function sortMessages(
  session: ImapSession,
  keys: string,
  search: ImapSearch,
): Promise<number[]> {
  session.require("SORT");
  const uids: number[] = [];
  await session.run("Cannot sort", [`UID SORT (${keys}) UTF-8 `, ...imapSearch(search)], {
    take(response) {
      if (response.type !== "data" || response.name !== "SORT") return false;
      for (const value of response.values) {
        const uid = numberOf(value, 10);
        if (uid !== undefined) uids.push(uid);
      }
      return true;
    },
  });
  return uids;
}

/** Searches, and puts the messages into threads. */
export async function threadMessages(
  session: ImapSession,
  algorithm: "references" | "orderedsubject",
  search: ImapSearch,
): Promise<ImapThread[]> {
  const name = algorithm.toUpperCase();
  session.require(`THREAD=${name}`);
  const threads: ImapThread[] = [];
  const parts = [`UID THREAD ${name} UTF-8 `, ...imapSearch(search)];
  await session.run("Cannot find the threads", parts, {
    take(response) {
      if (response.type !== "data" || response.name !== "THREAD") return false;
      for (const value of response.values) if (isList(value)) threads.push(threadOf(value));
      return true;
    },
  });
  return threads;
}

function isList(value: ImapValue | undefined): value is readonly ImapValue[] {
  return Array.isArray(value);
}

/**
 * Reads a list such as `3 6 (4 23) (44 7)`: each message answers the one before, and the lists at the end
 * answer the last message. A list without a message at its beginning belongs to a missing one.
 */
function threadOf(list: readonly ImapValue[]): ImapThread {
  const end = list.findIndex(isList);
  const chain = (end === -1 ? list : list.slice(0, end)).map((value) => numberOf(value, 10))
    .filter((uid) => uid !== undefined);
  let answers: ImapThread[] = end === -1 ? [] : list.slice(end).filter(isList).map(threadOf);
  // A chain may be as long as the folder, so this is no recursion.
  for (const uid of chain.slice(1).reverse()) answers = [{ uid, answers }];
  return { uid: chain[0], answers };
}
