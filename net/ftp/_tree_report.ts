/** The report of a tree, its limits, and the comparison of files. */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { checkDepth } from "./_directories.ts";
import type { FtpEntry } from "./codec.ts";
import type { FtpLeft, FtpTreeOptions, FtpTreeReport } from "./options.ts";

/** The maximum number of items of one kind in a report. A server can name endless files. */
const MAX_LEFT = 1000;

/** The precision of times in milliseconds: of MLSD and MDTM, of LIST for new files, of LIST for old ones. */
const [SECOND, MINUTE, DAY] = [2000, 60_000, 86_400_000];

/** The work on one tree. */
export class TreeWork {
  /** The options of the tree. */
  readonly options: FtpTreeOptions;
  readonly #report: { -readonly [K in keyof FtpTreeReport]: FtpTreeReport[K] };
  readonly #left: FtpLeft[] = [];
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

  /** Returns whether the options exclude a path. */
  excludes(path: string, isDirectory: boolean): boolean {
    return this.options.exclude?.(path, isDirectory) ?? false;
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
  begin(path: string, size: number | undefined): void {
    const { maxFiles = 0, onFile } = this.options;
    if (maxFiles > 0 && this.#report.files >= maxFiles) {
      throw new NetError(`The tree has more than ${maxFiles} files`, { kind: "limit" });
    }
    this.count(size ?? 0);
    onFile?.(path, size);
  }

  /** Checks the limit of bytes, with those of the file in transfer. */
  count(bytes: number): void {
    const { maxBytes = 0 } = this.options;
    if (maxBytes > 0 && this.#report.bytes + bytes > maxBytes) {
      throw new NetError(`The tree has more than ${maxBytes} bytes`, { kind: "limit" });
    }
  }

  /** Counts a transferred file. */
  transferred(bytes: number): void {
    this.#report.files++;
    this.#report.bytes += bytes;
  }

  /** Waits for work. A rejection by the server is reported to `onRefused`, if that is given. */
  async orRefused(path: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { onRefused } = this.options;
      if (onRefused === undefined || !(error instanceof ReplyError)) throw error;
      onRefused(path, error);
    }
  }
}

/**
 * Returns whether the file on the server has the time of a local one.
 *
 * @param local The time of the local file.
 * @param entry The entry in the listing of the server.
 * @param exact Whether the server reports seconds.
 */
export function sameTime(local: Date | null, { modified }: FtpEntry, exact: boolean): boolean {
  if (local === null || modified === undefined) return true;
  return Math.abs(local.getTime() - modified.getTime()) < precisionOf(modified, exact);
}

/** Returns whether the file on the server is at least as new as a local one. */
export function isNewer({ modified }: FtpEntry, local: Date | null, exact: boolean): boolean {
  if (local === null || modified === undefined) return true;
  return modified.getTime() + precisionOf(modified, exact) > local.getTime();
}

function precisionOf(time: Date, exact: boolean): number {
  if (exact) return SECOND;
  return time.getTime() % DAY === 0 ? DAY : MINUTE;
}
