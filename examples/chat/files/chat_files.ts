/**
 * The rules for attached files: limits while a file arrives, quotas, and the removal of files that no
 * message uses.
 *
 * **Permissions**: those of the store.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  callback,
  count,
  limit,
  milliseconds,
  OptionRules,
} from "../../../net/internal/options.ts";
import type { Archive, FileRecord } from "../archive/archive.ts";
import type { BlobPart, BlobStore, BlobWriter } from "./blob_store.ts";
import { safeFileName } from "./file_name.ts";
import { SNIFF_SIZE, sniffType } from "./file_type.ts";

/** The limits of {@linkcode ChatFiles}. */
export interface ChatFilesOptions {
  /** The maximum size of a file in bytes. @default 10 MiB */
  readonly maxFile?: number;
  /** The maximum size of all files in bytes; 0 removes the limit. @default 1 GiB */
  readonly maxTotal?: number;
  /** The maximum size of the files of one user in bytes. @default a tenth of `maxTotal` */
  readonly maxPerUser?: number;
  /** The bytes that each file counts in addition to its content, so that files are not endless. @default 4096 */
  readonly perFile?: number;
  /** The maximum number of files that arrive at once. @default 64 */
  readonly maxUploads?: number;
  /** The maximum number of files of one user that arrive at once. @default 4 */
  readonly maxUploadsPerUser?: number;
  /** The maximum number of files of one address that arrive at once. @default half of `maxUploads` */
  readonly maxUploadsPerAddress?: number;
  /** The time after which a file that no message uses is removed, in ms. @default one hour */
  readonly unusedTime?: number;
  /** Returns the time in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

const RULES = new OptionRules<ChatFilesOptions>({
  maxFile: count,
  maxTotal: limit,
  maxPerUser: count,
  perFile: limit,
  maxUploads: count,
  maxUploadsPerUser: count,
  maxUploadsPerAddress: count,
  unusedTime: milliseconds,
  now: callback,
});

const MIB = 1024 * 1024;

/** The reason why a file is refused. */
export type FileProblem =
  /** The file is larger than `maxFile`. */
  | "file-too-large"
  /** The files of the user would be larger than `maxPerUser`. */
  | "user-quota"
  /** All files would be larger than `maxTotal`. */
  | "files-full"
  /** Too many files arrive at once. */
  | "busy"
  /** The sender has stopped in the middle. */
  | "cut"
  /** The file cannot be stored, for example because the disk is full. */
  | "not-stored";

/** The error of a file that is refused. Nothing of the file remains. */
export class FileRefusal extends Error {
  override readonly name = "FileRefusal";
  /** The reason, for programs. */
  readonly code: FileProblem;

  /** Makes the error for a reason; `cause` is the error of the file system or the connection. */
  constructor(code: FileProblem, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The part of the archive that describes files. */
export type FileRecords = Pick<
  Archive,
  "saveFile" | "file" | "unusedFiles" | "removeFiles" | "filesTotal"
>;

/** A file to store. */
export interface Upload {
  /** The id of the user who sends the file. */
  readonly user: number;
  /** The address of the user without a port, and the network of 64 bits for IPv6. */
  readonly network: string;
  /** The name that the sender gives. */
  readonly name: string;
  /** The size that the sender announces; undefined if it is unknown. */
  readonly size: number | undefined;
  /** The bytes. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The bytes that a file of unknown size reserves ahead. */
const RESERVE = 256 * 1024;

/** The number of files that one step of the removal takes. */
const STEP = 200;

/** The files of the chat. */
export class ChatFiles {
  /** The maximum size of a file in bytes. */
  readonly maxFile: number;
  readonly #blobs: BlobStore;
  readonly #records: FileRecords;
  readonly #options: Required<ChatFilesOptions>;
  /** The files that arrive now, with the bytes that are reserved for each. */
  readonly #arriving = new Set<Arrival>();
  /** The number of files that have ended, stored or not. */
  #ended = 0;
  #tidying: Promise<void> | undefined;

  /**
   * @param blobs The store of the contents.
   * @param records The store of the records.
   * @param options The limits, with their defaults.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(blobs: BlobStore, records: FileRecords, options: ChatFilesOptions = {}) {
    options = RULES.check("ChatFiles", options);
    const { maxFile = 10 * MIB, maxTotal = 1024 * MIB, maxUploads = 64 } = options;
    const { maxUploadsPerUser = 4, unusedTime = 3_600_000, now = Date.now } = options;
    const { perFile = 4096, maxUploadsPerAddress = Math.ceil(maxUploads / 2) } = options;
    const total = maxTotal === 0 ? Infinity : maxTotal;
    const { maxPerUser = Math.max(Math.floor(total / 10), maxFile + perFile) } = options;
    this.#blobs = blobs;
    this.#records = records;
    this.maxFile = maxFile;
    this.#options = {
      maxFile,
      maxTotal: total,
      maxPerUser,
      perFile,
      maxUploads,
      maxUploadsPerUser,
      maxUploadsPerAddress,
      unusedTime,
      now,
    };
  }

  /**
   * Stores a file while it arrives.
   *
   * @param upload The file and its sender.
   * @returns The record of the stored file.
   * @throws {FileRefusal} If the file is refused or cut. Nothing of it remains.
   */
  async add(upload: Upload): Promise<FileRecord> {
    const arrival: Arrival = { user: upload.user, network: upload.network, size: 0 };
    this.#admit(arrival);
    try {
      // The announced size is reserved first, so that a file that does not fit is refused at once.
      await this.#reserve(arrival, upload.size ?? 0);
      return await this.#store(upload, arrival);
    } finally {
      this.#arriving.delete(arrival);
      this.#ended++;
    }
  }

  /** Returns the record of a file; undefined if there is none. */
  find(id: string): Promise<FileRecord | undefined> {
    return this.#records.file(id);
  }

  /** Returns a part of a file; undefined if the file is gone. */
  read(id: string, part: BlobPart): Promise<BodyInit | undefined> {
    return this.#blobs.read(id, part);
  }

  /**
   * Removes the files whose messages are gone, and old files that no message uses. Calls during a
   * removal share it.
   */
  tidy(): Promise<void> {
    return this.#tidying ??= this.#removeOrphans().finally(() => this.#tidying = undefined);
  }

  /** Removes contents without a record, which a crash has left behind. Call it before the first upload. */
  async recover(): Promise<void> {
    for await (const id of this.#blobs.ids()) {
      if (await this.#records.file(id) === undefined) await this.#blobs.remove(id);
    }
  }

  #admit(arrival: Arrival): void {
    const { maxUploads, maxUploadsPerUser, maxUploadsPerAddress } = this.#options;
    const others = [...this.#arriving];
    const own = others.filter(({ user }) => user === arrival.user).length;
    const near = others.filter(({ network }) => network === arrival.network).length;
    if (others.length >= maxUploads || own >= maxUploadsPerUser || near >= maxUploadsPerAddress) {
      throw new FileRefusal("busy", "Too many files arrive at once. Try again later");
    }
    this.#arriving.add(arrival);
  }

  /**
   * Reserves bytes for a file, or refuses it. A file of unknown size gets more than it needs now: the sum of
   * all files must not be computed for each of its bytes.
   */
  async #reserve(arrival: Arrival, size: number, ahead = 0): Promise<void> {
    const { maxFile, maxTotal, maxPerUser, perFile } = this.#options;
    if (size > maxFile) {
      throw new FileRefusal("file-too-large", `The file is larger than ${maxFile} bytes`);
    }
    const needed = size + perFile;
    if (needed <= arrival.size) return;
    await this.#withUsage(arrival.user, (all, own) => {
      const [userLimit, limit] = [maxPerUser - own, maxTotal - all].map((left) =>
        arrival.size + left
      ) as [number, number];
      if (needed > userLimit) {
        throw new FileRefusal(
          "user-quota",
          `Your files are larger than ${maxPerUser} bytes in all`,
        );
      }
      if (needed > limit) {
        throw new FileRefusal("files-full", "There is no room for more files");
      }
      arrival.size = Math.min(needed + ahead, userLimit, limit, maxFile + perFile);
    });
  }

  /**
   * Passes on the size of all files and of those of a user, with the bytes that are reserved. The
   * action runs at once, so that no other file changes the sizes before it.
   */
  async #withUsage(user: number, action: (all: number, own: number) => void): Promise<void> {
    for (;;) {
      const ended = this.#ended;
      const [all, own] = await Promise.all([
        this.#records.filesTotal(),
        this.#records.filesTotal(user),
      ]);
      // A file that has ended meanwhile might be missing in both numbers.
      if (ended !== this.#ended) continue;
      const others = [...this.#arriving];
      const mine = others.filter((arrival) => arrival.user === user);
      const { perFile } = this.#options;
      const sizeOf = (files: { count: number; size: number }) => files.size + files.count * perFile;
      return action(sizeOf(all) + sum(others), sizeOf(own) + sum(mine));
    }
  }

  async #store(upload: Upload, arrival: Arrival): Promise<FileRecord> {
    const id = crypto.randomUUID().replaceAll("-", "");
    const writer = await stored(this.#blobs.create(id));
    try {
      const { size, sha256, type } = await this.#receive(upload.body, arrival, writer);
      const { user, name } = upload;
      const at = this.#options.now();
      const record = { id, name: safeFileName(name), type, size, sha256, user, at };
      await stored(writer.commit());
      await stored(this.#records.saveFile(record));
      return record;
    } catch (error) {
      // After the commit there is nothing to abort, and before it nothing to remove.
      await writer.abort();
      await this.#blobs.remove(id);
      throw error;
    }
  }

  /** Writes the bytes while they arrive. */
  async #receive(body: Upload["body"], arrival: Arrival, writer: BlobWriter) {
    const hash = createHash("sha256");
    const head = new Uint8Array(SNIFF_SIZE);
    let size = 0;
    for await (const bytes of arriving(body)) {
      if (size < SNIFF_SIZE) head.set(bytes.subarray(0, SNIFF_SIZE - size), size);
      size += bytes.length;
      await this.#reserve(arrival, size, RESERVE);
      hash.update(bytes);
      await stored(writer.write(bytes));
    }
    const type = sniffType(head.subarray(0, Math.min(size, SNIFF_SIZE)));
    return { size, sha256: hash.digest("hex"), type };
  }

  async #removeOrphans(): Promise<void> {
    const before = this.#options.now() - this.#options.unusedTime;
    for (;;) {
      const found = await this.#records.unusedFiles(before, STEP);
      // The record goes first: contents without a record are removed at the next start.
      const removed = await this.#records.removeFiles(found.map(({ id }) => id));
      for (const id of removed) await this.#blobs.remove(id);
      if (found.length < STEP || removed.length === 0) return;
    }
  }
}

/** A file that arrives. */
interface Arrival {
  readonly user: number;
  readonly network: string;
  /** The reserved bytes. */
  size: number;
}

function sum(arrivals: readonly Arrival[]): number {
  return arrivals.reduce((total, { size }) => total + size, 0);
}

/** Waits for a step of a store, and turns its failure into a refusal. */
async function stored<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new FileRefusal("not-stored", "The file cannot be stored", error);
  }
}

/** Yields the bytes of a body, and turns its failure into a refusal. */
async function* arriving(body: Upload["body"]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw new FileRefusal("cut", "The file was cut", error);
      });
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}
