/** Stores and records of attachments for tests. @module */

import type { FileRecord } from "../../../../examples/chat/archive/archive.ts";
import {
  ChatFiles,
  type ChatFilesOptions,
  type FileRecords,
} from "../../../../examples/chat/files/chat_files.ts";
import type { BlobStore } from "../../../../examples/chat/files/blob_store.ts";
import type { ChatWeb } from "../../../../examples/chat/web.ts";
import { DiskBlobs } from "../../../../examples/chat/files/disk_blobs.ts";
import { MemoryBlobs } from "../../../../examples/chat/files/memory_blobs.ts";
import { lobby, serve } from "../_browser.ts";

/** Records of files in memory. `use` and `drop` stand for messages that come and go. */
export class TestRecords implements FileRecords {
  readonly files = new Map<string, FileRecord & { state: "unused" | "used" | "gone" }>();
  /** The error of the next `saveFile`. */
  failure: Error | undefined;

  /** The number of sums that were asked for. */
  sums = 0;

  saveFile(file: FileRecord): Promise<void> {
    const { failure } = this;
    if (failure !== undefined) return Promise.reject(failure);
    this.files.set(file.id, { ...file, state: "unused" });
    return Promise.resolve();
  }

  file(id: string): Promise<FileRecord | undefined> {
    const file = this.files.get(id);
    return Promise.resolve(file?.state === "gone" ? undefined : file);
  }

  unusedFiles(before: number, limit: number): Promise<readonly FileRecord[]> {
    const all = [...this.files.values()];
    const unused = all.filter(({ state, at }) =>
      state === "gone" || (state === "unused" && at < before)
    );
    return Promise.resolve(unused.slice(0, limit));
  }

  removeFiles(ids: readonly string[]): Promise<readonly string[]> {
    const removed = ids.filter((id) => this.files.get(id)?.state !== "used");
    for (const id of removed) this.files.delete(id);
    return Promise.resolve(removed);
  }

  filesTotal(user?: number): Promise<{ count: number; size: number }> {
    this.sums++;
    const own = [...this.files.values()].filter((file) => user === undefined || file.user === user);
    return Promise.resolve({
      count: own.length,
      size: own.reduce((sum, { size }) => sum + size, 0),
    });
  }

  /** A message names a file. */
  use(id: string): void {
    this.files.get(id)!.state = "used";
  }

  /** The message of a file is removed. */
  drop(id: string): void {
    this.files.get(id)!.state = "gone";
  }
}

/** The stores of contents, each in a folder of its own. */
export const STORES: Readonly<Record<string, (folder: string) => Promise<BlobStore>>> = {
  memory: () => Promise.resolve(new MemoryBlobs()),
  disk: (folder) => DiskBlobs.open(folder),
};

/** Files with their records and stores. */
export interface Files {
  readonly files: ChatFiles;
  readonly records: TestRecords;
  readonly blobs: BlobStore;
}

/** Makes files on a store. */
export function makeFiles(blobs: BlobStore, options: ChatFilesOptions = {}): Files {
  const records = new TestRecords();
  return { files: new ChatFiles(blobs, records, { perFile: 0, ...options }), records, blobs };
}

/** Makes a body of some pieces. */
export function bodyOf(...pieces: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
}

/** Returns the ids of the complete files of a store. */
export async function idsOf(blobs: BlobStore): Promise<string[]> {
  const ids = [];
  for await (const id of blobs.ids()) ids.push(id);
  return ids.sort();
}

/** Returns the user of a token: "t1" is of user 1, and so on. */
export function userOf(token: string): Promise<number | undefined> {
  const id = /^t(\d)$/.exec(token)?.[1];
  return Promise.resolve(id === undefined ? undefined : Number(id));
}

/** Starts a web side with files. */
export function startFiles(
  options: ChatFilesOptions = {},
  blobs: BlobStore = new MemoryBlobs(),
): Files & { web: ChatWeb } {
  const all = makeFiles(blobs, options);
  return { ...all, web: serve(lobby(), { files: { files: all.files, userOf } }) };
}
