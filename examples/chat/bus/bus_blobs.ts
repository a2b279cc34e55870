/**
 * The contents of attached files in Redis, so that every node has them.
 *
 * **Permissions**: those of the connection.
 *
 * @module
 */

import type { BlobPart, BlobStore, BlobWriter } from "../files/blob_store.ts";
import type { BusKeys } from "./keys.ts";

/** Sends a command to Redis. */
type Command = (args: readonly string[]) => Promise<unknown>;

/** A {@linkcode BlobStore} in Redis, in Base64: replies are texts. */
export class BusBlobs implements BlobStore {
  readonly #command: Command;
  readonly #keys: BusKeys;

  /**
   * @param command Sends a command to Redis.
   * @param keys The keys of the chat.
   */
  constructor(command: Command, keys: BusKeys) {
    this.#command = command;
    this.#keys = keys;
  }

  /** Starts a file. It is in Redis when it is complete. */
  create(id: string): Promise<BlobWriter> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    return Promise.resolve({
      write: (bytes) => {
        pieces.push(bytes.slice()); // The caller may use its buffer again.
        return Promise.resolve();
      },
      commit: async () => {
        const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
        pieces.length = 0;
        await this.#command(["SET", this.#keys.blob(id), bytes.toBase64()]);
      },
      abort: () => {
        pieces.length = 0;
        return Promise.resolve();
      },
    });
  }

  /** Returns a part of a file. */
  async read(id: string, { start, end }: BlobPart): Promise<BodyInit | undefined> {
    // Four characters are three bytes.
    const first = Math.floor(start / 3);
    const range = [`${first * 4}`, `${Math.ceil(end / 3) * 4 - 1}`];
    const key = this.#keys.blob(id);
    if (await this.#command(["EXISTS", key]) === 0) return undefined;
    if (end <= start) return new Uint8Array();
    const text = await this.#command(["GETRANGE", key, ...range]) as string;
    return Uint8Array.fromBase64(text).slice(start - first * 3, end - first * 3);
  }

  /** Removes a file, if there is one. */
  async remove(id: string): Promise<void> {
    await this.#command(["DEL", this.#keys.blob(id)]);
  }

  /** Returns no ids: another node may be about to describe a file that has no description yet. */
  async *ids(): AsyncIterable<string> {
    // Nothing.
  }
}
