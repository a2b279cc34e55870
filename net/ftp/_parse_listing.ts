/** The parser of listings, in steps between which other work can go on. */

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

/** The number of lines after which other work goes on. They take some milliseconds. */
export const STEP = 1000;

/** Lets other work go on. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Parses a listing step by step: in the form that understands most of its lines. */
export function* parseInSteps(
  lines: readonly string[],
  now: Date,
  parseLine: FtpLineParser | undefined,
): Generator<void, FtpListing, void> {
  const filled = lines.filter((line) => line.trim() !== "");
  const unknownAll = { entries: [], unknown: filled };
  if (parseLine !== undefined) {
    const format = { name: "given", parse: parseLine };
    return (yield* parse(format, filled, now, Infinity)) ?? unknownAll;
  }
  let best: FtpListing = unknownAll;
  for (const format of FORMATS) {
    best = (yield* parse(format, filled, now, best.unknown.length)) ?? best;
    if (best.unknown.length === 0) break;
  }
  return best;
}

/** Parses a listing, and lets other work go on meanwhile. */
export async function parseInTurns(
  lines: readonly string[],
  parseLine?: FtpLineParser,
): Promise<FtpListing> {
  const steps = parseInSteps(lines, new Date(), parseLine);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}

/** Parses lines in one form; undefined as soon as `tooMany` lines are not understood. */
function* parse(
  { join, parse }: ListFormat,
  lines: readonly string[],
  now: Date,
  tooMany: number,
): Generator<void, FtpListing | undefined, void> {
  // VMS lists all versions of a file, the latest one first.
  const entries = new Map<string, FtpEntry>();
  const unknown: string[] = [];
  const joined = join?.(lines) ?? lines;
  for (const [index, line] of joined.entries()) {
    if (index % STEP === STEP - 1) yield;
    const entry = line.length > MAX_LINE ? undefined : parse(line, now);
    if (entry === undefined) unknown.push(line);
    else if (entry !== null && !/^\.\.?$/.test(entry.name)) {
      // A name with a line break can forge a line that shows a link as a directory.
      if (!entries.has(entry.name) || entry.type === "link") entries.set(entry.name, entry);
    }
    if (unknown.length >= tooMany) return undefined;
  }
  return { entries: [...entries.values()], unknown };
}
