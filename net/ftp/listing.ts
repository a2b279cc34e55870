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

import { type FtpLineParser, type FtpListing, parseInSteps } from "./_parse_listing.ts";

export type { FtpLineParser, FtpListing } from "./_parse_listing.ts";

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
  const steps = parseInSteps(lines, now, parseLine);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
