/**
 * A parser for the listings of LIST. No standard defines their form (RFC 959 §4.1.3), so the parser knows
 * those of Unix with its variants, AIX, DOS, Windows, OS/2, NetWare, the old MacOS, EPLF, VMS, MVS (z/OS),
 * OS/400, NonStop and z/VM. It chooses one form for a whole listing. Pure.
 *
 * @example Parse the listing of a Unix server
 * ```ts
 * import { parseFtpListing } from "@portside/kit/net/ftp";
 * import { assertEquals } from "@std/assert";
 *
 * const { entries, unknown } = parseFtpListing([
 *   "total 4",
 *   "drwxr-xr-x  2 ann staff 4096 Jan  5  2026 notes",
 *   "-rw-r--r--  1 ann staff   12 Jan  5  2026 a.txt",
 * ]);
 * assertEquals(entries.map(({ name, type }) => [name, type]), [["notes", "directory"], ["a.txt", "file"]]);
 * assertEquals(unknown, []);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { FtpEntry } from "./codec.ts";
import { MVS_FORMAT, NONSTOP_FORMAT, OS400_FORMAT, VMS_FORMAT, ZVM_FORMAT } from "./_list_hosts.ts";
import { DOS_FORMAT, EPLF_FORMAT, OS2_FORMAT } from "./_list_pc.ts";
import { MAC_FORMAT, NETWARE_FORMAT, UNIX_FORMAT } from "./_list_unix.ts";
import type { ListFormat } from "./_list_values.ts";

/** The entries of a listing. */
export interface FtpListing {
  /** The entries, without `.` and `..`. */
  readonly entries: readonly FtpEntry[];
  /** The lines that have another form than the listing. */
  readonly unknown: readonly string[];
}

/**
 * Parses a line of a listing in a form that the library does not know.
 *
 * @param line The line, without its line ending.
 * @param now The current time, for forms without a year.
 * @returns The entry; null for a line without one; undefined if the line is not understood.
 */
export type FtpLineParser = (line: string, now: Date) => FtpEntry | null | undefined;

/** The maximum length of a line in UTF-16 units. A longer one is not understood. */
const MAX_LINE = 4096;

const FORMATS: readonly ListFormat[] = [
  UNIX_FORMAT,
  DOS_FORMAT,
  EPLF_FORMAT,
  NETWARE_FORMAT,
  VMS_FORMAT,
  MVS_FORMAT,
  OS400_FORMAT,
  NONSTOP_FORMAT,
  OS2_FORMAT,
  ZVM_FORMAT,
  MAC_FORMAT,
];

/**
 * Parses a listing in the form that understands most of its lines.
 *
 * @param lines The lines, without their line endings.
 * @param now The current time. Some forms leave out the year of recent files. Default: now.
 * @param parseLine A parser to use instead of the known forms. Default: none.
 * @returns The entries, and the lines that were not understood.
 */
export function parseFtpListing(
  lines: readonly string[],
  now: Date = new Date(),
  parseLine?: FtpLineParser,
): FtpListing {
  const filled = lines.filter((line) => line.trim() !== "");
  if (parseLine !== undefined) return parse({ name: "given", parse: parseLine }, filled, now);
  let best: FtpListing = { entries: [], unknown: filled };
  for (const format of FORMATS) {
    const listing = parse(format, filled, now);
    if (listing.unknown.length < best.unknown.length) best = listing;
    if (best.unknown.length === 0) break;
  }
  return best;
}

function parse({ join, parse }: ListFormat, lines: readonly string[], now: Date): FtpListing {
  // VMS lists all versions of a file, the latest one first.
  const entries = new Map<string, FtpEntry>();
  const unknown: string[] = [];
  for (const line of join?.(lines) ?? lines) {
    const entry = line.length > MAX_LINE ? undefined : parse(line, now);
    if (entry === undefined) unknown.push(line);
    else if (entry !== null && !/^\.\.?$/.test(entry.name) && !entries.has(entry.name)) {
      entries.set(entry.name, entry);
    }
  }
  return { entries: [...entries.values()], unknown };
}
