/**
 * The contents of files in memory. The caller limits their size.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { BlobPart, BlobStore, BlobWriter } from "./blob_store.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A {@linkcode BlobStore} in memory. */
export class MemoryBlobs implements BlobStore {
  readonly #files = new Map<string, Blob>();

  /** Starts a file. */
  create(id: string): Promise<BlobWriter> {
    const pieces: Bytes[] = [];
    return Promise.resolve({
      write: (bytes) => {
        pieces.push(bytes.slice()); // The caller may use its buffer again.
        return Promise.resolve();
      },
      commit: () => {
        this.#files.set(id, new Blob(pieces));
        pieces.length = 0;
        return Promise.resolve();
      },
      abort: () => {
        pieces.length = 0;
        return Promise.resolve();
      },
    });
  }

  /** Returns a part of a file. */
  read(id: string, { start, end }: BlobPart): Promise<BodyInit | undefined> {
    return Promise.resolve(this.#files.get(id)?.slice(start, end).stream());
  }

  /** Removes a file, if there is one. */
  remove(id: string): Promise<void> {
    this.#files.delete(id);
    return Promise.resolve();
  }

  /** Returns the ids of all files. */
  async *ids(): AsyncIterable<string> {
    yield* this.#files.keys();
  }
}
