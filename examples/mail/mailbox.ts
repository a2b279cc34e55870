/** A mailbox as the mail reader sees it, whatever protocol is behind it. @module */

import { connectImap, type ConnectImapOptions } from "../../net/imap_client.ts";
import { connectPop3, type ConnectPop3Options } from "../../net/pop3_client.ts";
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
  message(id: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Deletes a message for good. */
  remove(id: string): Promise<void>;
  /** The messages that come from now on. */
  watch(): AsyncIterable<Item>;
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
    message: async (id) => await mail.retrieve(numberOf(id)),
    async remove(id) {
      await mail.delete(numberOf(id));
      await mail.quit();
    },
    watch() {
      throw new CliError("POP3 cannot watch a mailbox: use --protocol imap", 2);
    },
    [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose](),
  };
}

/**
 * Opens a folder by IMAP.
 *
 * @param options The server and who logs in.
 * @param folder The folder.
 * @returns The mailbox.
 */
export async function openImap(options: ConnectImapOptions, folder: string): Promise<Mailbox> {
  const mail = await connectImap(options);
  try {
    await mail.select(folder);
  } catch (error) {
    await mail.logout();
    throw error;
  }
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
    message: async (id) => await mail.message(numberOf(id)),
    async remove(id) {
      await mail.store(numberOf(id), "add", ["\\Deleted"]);
      await mail.expunge(numberOf(id));
    },
    async *watch() {
      let last = Math.max(0, ...await mail.search());
      const { signal } = options;
      while (!signal?.aborted) {
        for await (const { type } of mail.idle(signal && { signal })) if (type === "exists") break;
        const fresh = (await mail.search({ uids: `${last + 1}:*` })).filter((uid) => uid > last);
        last = Math.max(last, ...fresh);
        yield* await items(fresh);
      }
    },
    [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose](),
  };
}

function numberOf(id: string): number {
  if (/^[1-9]\d{0,9}$/.test(id)) return Number(id);
  throw new CliError(`Bad value for the message: ${JSON.stringify(id)} (expected a number)`, 2);
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
