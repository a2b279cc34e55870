/**
 * Opens the files of a chat: beside its store, or in memory. While they are open, files that no message
 * uses are removed.
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the folder `STORE-files`; none without a
 * store.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import {
  anObject,
  callback,
  count,
  limit,
  OptionRules,
  required,
  word,
} from "../../../net/internal/options.ts";
import { touch, unwatch, UNWATCHED, watch, type Watched } from "../../../net/internal/timer.ts";
import type { BlobStore } from "./blob_store.ts";
import { ChatFiles, type FileRecords } from "./chat_files.ts";
import { DiskBlobs } from "./disk_blobs.ts";
import { MemoryBlobs } from "./memory_blobs.ts";

/** The options of {@linkcode openFiles}. */
export interface OpenFilesOptions {
  /** The archive, which describes the files. */
  readonly records: FileRecords;
  /** The file of the archive; undefined if the archive is in memory. */
  readonly store?: string | undefined;
  /** The store for the contents. @default beside `store`, or in memory */
  readonly blobs?: BlobStore | undefined;
  /** The maximum size of a file in bytes. */
  readonly maxFile: number;
  /** The maximum size of all files in bytes; 0 removes the limit on disk. */
  readonly maxTotal: number;
  /** Returns the time in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

const RULES = new OptionRules<OpenFilesOptions>({
  records: required(anObject),
  store: word,
  blobs: anObject,
  maxFile: required(count),
  maxTotal: required(limit),
  now: callback,
});

/** The maximum size of all files in memory in bytes. */
const MAX_IN_MEMORY = 64 * 1024 * 1024;

/** The time between two removals in milliseconds. */
const INTERVAL = 60_000;

const logger = getLogger(["portside", "chat", "files"]);

/** The files of a chat while they are open. */
export interface OpenFiles extends AsyncDisposable {
  /** The files with their rules. */
  readonly files: ChatFiles;
}

/**
 * Opens the files of a chat, and removes what a crash has left behind.
 *
 * @param options The archive, its file, and the limits.
 * @returns The files, which are tidied until they are disposed.
 * @throws {Deno.errors.PermissionDenied} And other errors of the file system, if the folder beside the
 * store cannot be used.
 */
export async function openFiles(options: OpenFilesOptions): Promise<OpenFiles> {
  options = RULES.check("openFiles", options);
  const { records, store, maxFile, maxTotal, now } = options;
  const blobs = options.blobs ??
    (store === undefined ? new MemoryBlobs() : await DiskBlobs.open(`${store}-files`));
  const limited = maxTotal === 0 ? MAX_IN_MEMORY : Math.min(maxTotal, MAX_IN_MEMORY);
  const files = new ChatFiles(blobs, records, {
    maxFile,
    maxTotal: store === undefined ? limited : maxTotal,
    ...now !== undefined && { now },
  });
  await files.recover();
  return new Keeper(files);
}

/** Tidies the files from time to time. */
class Keeper implements OpenFiles, Watched {
  readonly files: ChatFiles;
  /** The removal of files does not keep the process alive. */
  readonly waiting = false;
  due: number;
  place: number = UNWATCHED;
  #work: Promise<void> = Promise.resolve();

  constructor(files: ChatFiles) {
    this.files = files;
    this.due = performance.now() + INTERVAL;
    watch(this);
  }

  /** Removes unused files. The shared timer calls it. */
  sweep(now: number): void {
    this.due = now + INTERVAL;
    touch(this);
    this.#work = this.files.tidy().catch((error) => {
      logger.error("Unused files cannot be removed: {error}", { error });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unwatch(this);
    await this.#work;
  }
}
