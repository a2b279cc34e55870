/** A mailbox with the same interface over IMAP and POP3. @module */

import { delay } from "@std/async/delay";
import { connectImap, type ConnectImapOptions, ImapFetchError } from "../../net/imap/client.ts";
import { NetError } from "../../net/errors/errors.ts";
import { connectPop3, type ConnectPop3Options, Pop3RetrieveError } from "../../net/pop3/client.ts";
import { retry } from "../../net/retry.ts";
import { CliError } from "../../tools/cli.ts";

/** A message in a list. */
export interface Item {
  /** The id of the message, for later calls. */
  readonly id: string;
  /** The size of the message in bytes. */
  readonly size: number;
  /** The header, at least the author, the recipients, the date and the subject. */
  readonly head: Uint8Array;
}

/** An open folder. */
export interface Mailbox extends AsyncDisposable {
  /** Lists the names of all folders. */
  folders(): Promise<string[]>;
  /** Lists the newest messages that the server does not refuse, the newest first. */
  list(limit: number): Promise<Item[]>;
  /** Fetches a message as a stream. */
  message(id: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Deletes a message permanently. */
  remove(id: number): Promise<void>;
  /** Yields messages that arrive from now on. It connects again if the session is lost. */
  watch(onLost: (error: NetError) => void): AsyncIterable<Item>;
}

/** Receives the reason for messages that are missing in a list. */
type OnMissing = (reason: string) => void;

/**
 * Opens the only folder of POP3.
 *
 * @param options The server and the login.
 * @param onMissing Called for messages that are missing in a list.
 * @returns The mailbox with an open session.
 */
export async function openPop3(
  options: ConnectPop3Options,
  onMissing: OnMissing,
): Promise<Mailbox> {
  const mail = await connectPop3(options);
  return {
    folders: () => Promise.resolve(["INBOX"]),
    async list(limit) {
      const items: Item[] = [];
      const listed = (await mail.list()).reverse().slice(0, limit);
      const sizes = new Map(listed.map(({ number, size }) => [number, size]));
      try {
        for await (const { number, data } of mail.topAll([...sizes.keys()])) {
          items.push({ id: `${number}`, size: sizes.get(number)!, head: data });
        }
      } catch (error) {
        if (!(error instanceof Pop3RetrieveError)) throw error;
        for (const { error: { message } } of error.failures) onMissing(message);
      }
      return items;
    },
    message: async (id) => await mail.retrieve(id),
    async remove(id) {
      await mail.delete(id);
      await mail.quit();
    },
    watch() {
      throw new CliError("POP3 cannot watch a mailbox: use --protocol imap", 2);
    },
    [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose](),
  };
}

/** The wait before it connects again after losing a session, in milliseconds. */
const PAUSE = 1000;

/** Returns whether an error is typical of a server that is starting. */
const isRetriable = ({ kind, retryable }: NetError) =>
  retryable || kind === "truncated" || kind === "reset";

/**
 * Opens a folder by IMAP.
 *
 * @param options The server and the login.
 * @param folder The full name of the folder.
 * @param onMissing Called for messages that are missing in a list.
 * @returns The mailbox with an open session.
 */
export async function openImap(
  options: ConnectImapOptions,
  folder: string,
  onMissing: OnMissing,
): Promise<Mailbox> {
  const { signal } = options;
  const open = async () => {
    const session = await connectImap(options);
    try {
      await session.select(folder);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  };
  let mail = await open();
  const newest = async () => (await mail.search()).at(-1) ?? 0;
  const items = async (uids: readonly number[]): Promise<Item[]> => {
    const fields = "HEADER.FIELDS (FROM TO DATE SUBJECT)";
    const messages = await mail.fetch(uids, { size: true, sections: [fields] }).catch((error) => {
      if (!(error instanceof ImapFetchError)) throw error;
      onMissing(error.message);
      return error.messages;
    });
    return messages.map(({ uid = 0, size = 0, sections }) => {
      const head = sections.values().next().value ?? new Uint8Array();
      return { id: `${uid}`, size, head };
    });
  };
  return {
    folders: async () => (await mail.list()).map(({ name }) => name),
    async list(limit) {
      const found = await items((await mail.search()).slice(-limit));
      return found.sort((a, b) => Number(b.id) - Number(a.id));
    },
    message: async (id) => await mail.message(id),
    async remove(id) {
      const [found] = await mail.search({ uids: `${id}` });
      if (found === undefined) throw new CliError(`There is no message ${id}`);
      await mail.store(id, "add", ["\\Deleted"]);
      await mail.expunge(id);
    },
    async *watch(onLost) {
      let last = await newest();
      while (!signal?.aborted) {
        try {
          const exists = mail.selected?.exists;
          const fresh = (await mail.search({ uids: `${last + 1}:*` })).filter((uid) => uid > last);
          const found = await items(fresh);
          last = fresh.at(-1) ?? last;
          yield* found;
          // Messages may have arrived meanwhile. IDLE does not report them again.
          if (mail.selected?.exists !== exists) continue;
          for await (const { type } of mail.idle(signal && { signal })) {
            if (type === "exists") break;
          }
        } catch (error) {
          if (signal?.aborted || mail.open || !(error instanceof NetError)) throw error;
          onLost(error);
          const validity = mail.selected?.uidValidity;
          await delay(PAUSE, signal && { signal });
          mail = await retry(open, {
            maxAttempts: Infinity,
            isRetriable,
            ...(signal && { signal }),
          });
          if (mail.selected?.uidValidity !== validity) last = await newest();
        }
      }
    },
    [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose](),
  };
}
