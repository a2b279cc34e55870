/**
 * Parsers for the replies and listings of FTP (RFC 959, 2428, 3659). Pure.
 *
 * @example Parse a line of MLSD
 * ```ts
 * import { parseFtpFacts } from "@portside/kit/net/ftp";
 * import { assertEquals } from "@std/assert";
 *
 * const entry = parseFtpFacts("type=file;size=12;modify=20261123093000; notes.txt");
 * assertEquals([entry?.name, entry?.type, entry?.size], ["notes.txt", "file", 12]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { lowerAscii } from "../text.ts";

/** A complete reply. */
export interface FtpReply {
  /** The code: 1xx started, 2xx success, 3xx continue, 4xx temporary failure, 5xx permanent failure. */
  readonly code: number;
  /** The text of each line, without the codes. */
  readonly lines: readonly string[];
}

/** The error for a line that is not part of a reply. */
export class FtpSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "FtpSyntaxError";
}

/** An entry of a directory. */
export interface FtpEntry {
  /** The name without the directory. It may contain any characters; see {@linkcode isPlainFtpName}. */
  readonly name: string;
  /** The type of the entry. */
  readonly type: "file" | "directory" | "link" | "other";
  /** The size in bytes, if the server reports it. */
  readonly size?: number;
  /** The time of the last change, if the server reports it. */
  readonly modified?: Date;
  /** The target of a link. */
  readonly target?: string;
  /** An id that only other names of the same file share, if the server reports it (RFC 3659 §7.5.2). */
  readonly unique?: string;
  /** The permitted operations in the letters of RFC 3659 §7.5.5, if the server reports them. */
  readonly permissions?: string;
}

/** Maximum number of lines of a reply. */
const MAX_LINES = 1000;

/** Assembles replies from their lines. */
export class FtpReplyReader {
  #code: string | undefined;
  #lines: string[] = [];

  /**
   * Adds a line.
   *
   * @param line The line, without its line ending.
   * @returns The reply if this is its last line; undefined if more lines follow.
   * @throws {FtpSyntaxError} If the line is not part of a reply, or if the reply has too many lines.
   */
  push(line: string): FtpReply | undefined {
    const [, code, separator, text = ""] = /^([1-6][0-5]\d)(?:([ -])(.*))?$/s.exec(line) ?? [];
    if (this.#code === undefined) {
      if (code === undefined) {
        throw new FtpSyntaxError(`This is not a reply: ${JSON.stringify(line.slice(0, 100))}`);
      }
      if (separator !== "-") return { code: Number(code), lines: [text] };
      this.#code = code;
      this.#lines = [text];
      return undefined;
    }
    // Only the last line of a reply has a fixed form.
    if (code === this.#code && separator !== "-") {
      const lines = [...this.#lines, text];
      this.#code = undefined;
      this.#lines = [];
      return { code: Number(code), lines };
    }
    if (this.#lines.length >= MAX_LINES) throw new FtpSyntaxError("The reply does not end");
    this.#lines.push(code === this.#code ? text : line);
    return undefined;
  }
}

/**
 * Parses the reply to EPSV (RFC 2428 §3).
 *
 * @param text The text, such as `Entering Extended Passive Mode (|||6446|)`.
 * @returns The port; undefined if the text contains none.
 */
export function parseFtpExtendedPassive(text: string): number | undefined {
  const port = Number(/\(([!-~])\1\1(\d{1,5})\1\)/.exec(text)?.[2] ?? 0);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * Parses the reply to PASV (RFC 959 §4.1.2).
 *
 * @param text The text, such as `Entering Passive Mode (127,0,0,1,25,46).`
 * @returns The address; undefined if the text contains none.
 */
export function parseFtpPassive(text: string): { hostname: string; port: number } | undefined {
  const numbers = /(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/.exec(text)?.slice(1)
    .map(Number);
  if (numbers === undefined || numbers.some((number) => number > 255)) return undefined;
  const [a, b, c, d, high = 0, low = 0] = numbers;
  const port = high * 256 + low;
  return port === 0 ? undefined : { hostname: `${a}.${b}.${c}.${d}`, port };
}

/**
 * Parses the reply to PWD or MKD: a path in quotes, with inner quotes doubled (RFC 959, appendix II).
 *
 * @param text The text, such as `"/home/ann" is the current directory`.
 * @returns The path; undefined if the text contains none.
 */
export function parseFtpPath(text: string): string | undefined {
  return /^"((?:[^"]|"")*)"/.exec(text)?.[1]?.replaceAll('""', '"');
}

/**
 * Parses a time of MDTM or MLSD (RFC 3659 §2.3), which is in UTC.
 *
 * @param text The time, such as `20261123093000` or `20261123093000.5`.
 * @returns The time; undefined if the text is not a time.
 */
export function parseFtpTime(text: string): Date | undefined {
  const [, year, month, day, hour, minute, second, fraction = ""] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(date.getTime())) return undefined;
  return new Date(date.getTime() + Math.round(Number(`0${fraction || ".0"}`) * 1000));
}

/**
 * Parses a line of MLSD or MLST (RFC 3659 §7).
 *
 * @param line The line, without its line ending.
 * @returns The entry; `self` tells whether it is the directory itself or its parent. Undefined if the
 * line has another form.
 */
export function parseFtpFacts(line: string): (FtpEntry & { readonly self: boolean }) | undefined {
  const [, written = "", name = ""] = /^ ?((?:[^;= \t]+=[^;]*;)*) (.+)$/s.exec(line) ?? [];
  if (name === "") return undefined;
  const facts = new Map(
    written.split(";").filter(Boolean).map((fact) => {
      const at = fact.indexOf("=");
      return [lowerAscii(fact.slice(0, at)), fact.slice(at + 1)] as const;
    }),
  );
  const permissions = facts.get("perm");
  const unique = facts.get("unique");
  const kind = lowerAscii(facts.get("type") ?? "");
  const link = /^os\.unix=s(?:ym)?link(?::(.*))?$/.exec(kind);
  const type = kind === "file"
    ? "file"
    : ["dir", "cdir", "pdir"].includes(kind)
    ? "directory"
    : link !== null
    ? "link"
    : "other";
  return {
    name,
    type,
    self: kind === "cdir" || kind === "pdir",
    ...sizeOf(facts.get("size")),
    ...timeOf(parseFtpTime(facts.get("modify") ?? "")),
    ...(unique !== undefined && { unique }),
    ...(permissions !== undefined && { permissions }),
  };
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const DAY = String.raw`(?<day>\d{1,2})(?:\.|日)?`;
const GAP = String.raw`[ \t]+`;
/** The name of a month, which may be in the language of the server. */
const MONTH = String.raw`(?<month>\p{L}{3,9}\.?|\d{1,2}月)`;

const UNIX = new RegExp(
  String.raw`^(?<mark>[-dlbcps])[-rwxsStT]{9}[.+@]?${GAP}\d+(?:${GAP}[^ \t]+){1,6}?${GAP}` +
    String.raw`(?<size>\d+)${GAP}` +
    String.raw`(?:(?:${MONTH}${GAP}${DAY}|${DAY}${GAP}${MONTH})|(?<iso>\d{4}-\d\d-\d\d))${GAP}` +
    String.raw`(?<when>\d{4}|\d{1,2}:\d\d)[ \t](?<rest>.+)$`,
  "su",
);

const DOS = /^(\d\d)-(\d\d)-(\d{4}|\d\d)[ \t]+(\d\d):(\d\d)([AP]M)?[ \t]+(<DIR>|\d+)[ \t]+(.+)$/is;

/**
 * Parses a line of LIST in the form of Unix or DOS. No standard defines this form.
 *
 * @param line The line, without its line ending.
 * @param now The current time. Unix leaves out the year of recent files.
 * @returns The entry; undefined for other lines, such as `total 12`.
 */
export function parseFtpListLine(line: string, now: Date): FtpEntry | undefined {
  const unix = UNIX.exec(line)?.groups;
  if (unix !== undefined) {
    const { mark = "", size, month, day, when = "", iso, rest = "" } = unix;
    const type = mark === "-"
      ? "file"
      : mark === "d"
      ? "directory"
      : mark === "l"
      ? "link"
      : "other";
    const arrow = type === "link" ? rest.indexOf(" -> ") : -1;
    return {
      name: arrow === -1 ? rest : rest.slice(0, arrow),
      type,
      ...(type === "file" && sizeOf(size)),
      ...timeOf(iso ? new Date(`${iso}T${when}Z`) : unixTime(month!, Number(day), when, now)),
      ...(arrow !== -1 && { target: rest.slice(arrow + 4) }),
    };
  }
  const [, month, day, year = "", hour = "", minute, half, size = "", name = ""] = DOS.exec(line) ??
    [];
  if (name === "") return undefined;
  const full = year.length === 4 ? year : Number(year) < 70 ? `20${year}` : `19${year}`;
  const shifted = half === undefined
    ? Number(hour)
    : Number(hour) % 12 + (/P/i.test(half) ? 12 : 0);
  const time = new Date(`${full}-${month}-${day}T${`${shifted}`.padStart(2, "0")}:${minute}:00Z`);
  const file = /^\d/.test(size);
  return {
    name,
    type: file ? "file" : "directory",
    ...(file && sizeOf(size)),
    ...timeOf(time),
  };
}

function unixTime(month: string, day: number, when: string, now: Date): Date | undefined {
  const number = /^(\d+)月$/.exec(month)?.[1];
  const index = number === undefined ? MONTHS.indexOf(lowerAscii(month)) : Number(number) - 1;
  if (index < 0 || index > 11 || day < 1 || day > 31) return undefined;
  if (!when.includes(":")) return new Date(Date.UTC(Number(when), index, day));
  const [hour = 0, minute = 0] = when.split(":").map(Number);
  const date = new Date(Date.UTC(now.getUTCFullYear(), index, day, hour, minute));
  // A time without a year is in the last twelve months. Allow a day for clocks and time zones.
  if (date.getTime() > now.getTime() + 86_400_000) date.setUTCFullYear(date.getUTCFullYear() - 1);
  return date;
}

function sizeOf(text: string | undefined): { size?: number } {
  return text !== undefined && /^\d{1,15}$/.test(text) ? { size: Number(text) } : {};
}

function timeOf(modified: Date | undefined): { modified?: Date } {
  return modified === undefined || Number.isNaN(modified.getTime()) ? {} : { modified };
}

/**
 * Returns whether a name from a listing stays within its directory.
 *
 * @param name The name that the server reports.
 * @returns True if a file of this name can be made safely.
 */
export function isPlainFtpName(name: string): boolean {
  // deno-lint-ignore no-control-regex -- names with control characters are not safe
  return name !== "" && name !== "." && name !== ".." && !/[/\\\x00-\x1f]/.test(name);
}
