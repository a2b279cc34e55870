/** A mailbox as the mail reader sees it, whatever protocol is behind it. @module */

import { delay } from "@std/async/delay";
import { connectImap, type ConnectImapOptions } from "../../net/imap/client.ts";
import { NetError } from "../../net/errors/errors.ts";
import { connectPop3, type ConnectPop3Options } from "../../net/pop3/client.ts";
import { retry } from "../../net/retry.ts";
import { CliError } from "../../tools/cli.ts";

/** A message in a list. */
export interface Item {
  /** By what it is asked for. */
  readonly id: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Its head, at least who wrote it, when, and about what. */
  readonly head: Uint8Array;
}

/** An open folder. */
export interface Mailbox extends AsyncDisposable {
  /** The names of all folders. */
  folders(): Promise<string[]>;
  /** The newest messages, the newest first. */
  list(limit: number): Promise<Item[]>;
  /** A whole message. */
  message(id: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Deletes a message for good. */
  remove(id: number): Promise<void>;
  /** The messages that come from now on; a session that is lost is opened anew. */
  watch(onLost: (error: NetError) => void): AsyncIterable<Item>;
}

/**
 * Opens the one folder that POP3 has.
 *
 * @param options The server and who logs in.
 * @returns The mailbox.
 */
export async function openPop3(options: ConnectPop3Options): Promise<Mailbox> {
  const mail = await connectPop3(options);
  return {
    folders: () => Promise.resolve(["INBOX"]),
    async list(limit) {
      const items: Item[] = [];
      for (const { number, size } of (await mail.list()).reverse().slice(0, limit)) {
        items.push({ id: `${number}`, size, head: await readAll(await mail.top(number)) });
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

/** The wait before a session that is lost is opened anew, in milliseconds. */
const PAUSE = 1000;

/** What a server says that is just starting, or not up yet. */
const isRetriable = ({ kind, retryable }: NetError) =>
  retryable || kind === "truncated" || kind === "reset";

/**
 * Opens a folder by IMAP.
 *
 * @param options The server and who logs in.
 * @param folder The folder.
 * @returns The mailbox.
 */
export async function openImap(options: ConnectImapOptions, folder: string): Promise<Mailbox> {
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
    const messages = await mail.fetch(uids, { size: true, sections: [fields] });
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
          // More may have come meanwhile, and is not told again.
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

/** The most bytes of a message that are read into memory. */
const MOST = 50 * 1024 * 1024;

/**
 * Reads a stream whole.
 *
 * @param stream The stream.
 * @returns Its bytes.
 * @throws {CliError} If it is larger than a message that can be shown.
 */
export async function readAll(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MOST) throw new CliError(`The message is larger than ${MOST} bytes`);
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
