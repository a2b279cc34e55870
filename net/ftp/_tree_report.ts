/** The report of a tree, its limits, and the comparison of files. */

import { NetError } from "../errors/errors.ts";
import { mapName, unmapName } from "../internal/local_name.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { checkDepth } from "./_directories.ts";
import type { FtpClient } from "./_client.ts";
import type { FtpEntry } from "./codec.ts";
import type { FileWork } from "./_tree_crew.ts";
import type { FtpLeft, FtpTreeOptions, FtpTreeReport } from "./options.ts";

/** The maximum number of items of one kind in a report. A server can name endless files. */
const MAX_LEFT = 1000;

/** The precision of times in milliseconds: of MLSD and MDTM, of LIST for new files, of LIST for old ones. */
const [SECOND, MINUTE, DAY] = [2000, 60_000, 86_400_000];

/** The count of one file in transfer. */
export interface FileCount {
  /** The number of bytes so far. */
  readonly moved: number;
  /** Takes the number of bytes so far. It throws if the tree becomes too large. */
  onProgress(bytes: number): void;
  /** Ends the file. A complete one is counted. */
  end(isComplete: boolean): void;
}

/** The work on one tree. */
export class TreeWork {
  /** The options of the tree. */
  readonly options: FtpTreeOptions;
  readonly #report: { -readonly [K in keyof FtpTreeReport]: FtpTreeReport[K] };
  readonly #left: FtpLeft[] = [];
  /** The number of files in transfer, and of their bytes. */
  #moving = 0;
  #reserved = 0;
  #directories = 0;
  readonly #leftOf = new Map<FtpLeft["kind"], number>();

  constructor(options: FtpTreeOptions) {
    this.options = options;
    this.#report = { files: 0, skipped: 0, bytes: 0, deleted: 0, left: this.#left };
  }

  /** The report so far. */
  get report(): FtpTreeReport {
    return this.#report;
  }

  /** Throws the reason of the signal, or an error if directories are nested too deeply. */
  enter(path: string, depth: number): void {
    this.options.signal?.throwIfAborted();
    checkDepth(path, depth);
  }

  /** Counts a directory below the top of the tree. Each may be empty, so files alone are no limit. */
  countDirectory(): void {
    const { maxFiles = 0 } = this.options;
    if (++this.#directories <= maxFiles || maxFiles === 0) return;
    throw new NetError(`The tree has more than ${maxFiles} directories`, { kind: "limit" });
  }

  /** Returns whether the options exclude a path. */
  excludes(path: string, isDirectory: boolean): boolean {
    return this.options.exclude?.(path, isDirectory) ?? false;
  }

  /** Returns the name on the server for a name here. */
  remoteName(name: string): string {
    return this.options.mapNames ? unmapName(name) : name;
  }

  /** Returns the name here for a name on the server. */
  localName(name: string): string {
    return this.options.mapNames ? mapName(name) : name;
  }

  /** Notes something that is left out. */
  leave(path: string, kind: FtpLeft["kind"], reason: string): void {
    const count = (this.#leftOf.get(kind) ?? 0) + 1;
    this.#leftOf.set(kind, count);
    if (count <= MAX_LEFT) this.#left.push({ path, kind, reason });
  }

  /** Counts a file that is the same on both sides. */
  skip(): void {
    this.#report.skipped++;
  }

  /** Counts something that was deleted. */
  removed(): void {
    this.#report.deleted++;
  }

  /** Begins a file: checks the limits, and tells the caller. */
  begin(path: string, size: number | undefined): FileCount {
    const { maxFiles = 0, maxBytes = 0, onFile, onProgress } = this.options;
    if (maxFiles > 0 && this.#report.files + this.#moving >= maxFiles) {
      throw new NetError(`The tree has more than ${maxFiles} files`, { kind: "limit" });
    }
    let [moved, reserved] = [0, 0];
    /** Checks the limit of bytes, with those of all files in transfer. */
    const reserve = (bytes: number) => {
      if (bytes <= reserved) return;
      if (maxBytes > 0 && this.#report.bytes + this.#reserved + bytes - reserved > maxBytes) {
        throw new NetError(`The tree has more than ${maxBytes} bytes`, { kind: "limit" });
      }
      this.#reserved += bytes - reserved;
      reserved = bytes;
    };
    reserve(size ?? 0);
    this.#moving++;
    onFile?.(path, size);
    return {
      onProgress: (bytes) => {
        moved = bytes;
        reserve(bytes);
        onProgress?.(bytes, path);
      },
      end: (isComplete) => {
        this.#moving--;
        this.#reserved -= reserved;
        if (!isComplete) return;
        this.#report.files++;
        this.#report.bytes += this.options.dryRun ? size ?? 0 : moved;
      },
      get moved() {
        return moved;
      },
    };
  }

  /** Returns the work on one file, for the crew. */
  fileWork(path: string, run: (ftp: FtpClient) => Promise<void>): FileWork {
    return {
      run: (ftp) => this.orRefused(path, run(ftp)),
      giveUp: ({ message }) => this.leave(path, "connection", message),
    };
  }

  /** Waits for work. A rejection by the server is reported to `onRefused`, if that is given. */
  async orRefused(path: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { onRefused } = this.options;
      // With 421, the session ends.
      const isRefusal = error instanceof ReplyError && error.code !== "421";
      if (onRefused === undefined || !isRefusal) throw error;
      onRefused(path, error);
    }
  }
}

/**
 * Returns whether the file on the server has the time of a local one. An unknown time is another one.
 *
 * @param local The time of the local file.
 * @param entry The entry in the listing of the server.
 * @param exact Whether the server reports seconds.
 */
export function sameTime(local: Date | null, { modified }: FtpEntry, exact: boolean): boolean {
  if (local === null || modified === undefined) return false;
  return Math.abs(local.getTime() - modified.getTime()) < precisionOf(modified, exact);
}

/** Returns whether the file on the server is known to be at least as new as a local one. */
export function isNewer({ modified }: FtpEntry, local: Date | null, exact: boolean): boolean {
  if (local === null || modified === undefined) return false;
  return modified.getTime() + precisionOf(modified, exact) > local.getTime();
}

/** Returns whether an error is about the content of one file. The session can go on. */
export function isSpoiled(error: unknown, ftp: FtpClient): error is NetError {
  if (!(error instanceof NetError) || !ftp.open) return false;
  return error.kind === "truncated" || error.kind === "protocol";
}

function precisionOf(time: Date, exact: boolean): number {
  if (exact) return SECOND;
  return time.getTime() % DAY === 0 ? DAY : MINUTE;
}
