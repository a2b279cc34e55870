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
  /** The text of each line, without the codes. There is at least one. */
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
    const [, code, separator, text = ""] = /^(\d{3})(?:([ \t-])(.*))?$/s.exec(line) ?? [];
    if (this.#code === undefined) {
      if (code === undefined) {
        // Some servers forget the blank.
        const [, bare, rest = ""] = /^(\d{3})(\D.*)$/s.exec(line) ?? [];
        if (bare !== undefined) return { code: Number(bare), lines: [rest] };
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
 * @param text The text, such as `Entering Extended Passive Mode (|||6446|)`. The brackets or
 * the bars may be missing, and an address may be before the port.
 * @returns The port; undefined if the text contains none.
 */
export function parseFtpExtendedPassive(text: string): number | undefined {
  const [, , short, long] =
    /([!-/:-~])(?:\1\1(\d{1,5})|\d\1[\da-fA-F.:]{2,45}\1(\d{1,5}))\1/.exec(text) ?? [];
  const port = Number(short ?? long ?? /(?:^|[ (])(\d{1,5})\)?\.?$/.exec(text)?.[1] ?? 0);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * Parses the reply to PASV (RFC 959 §4.1.2).
 *
 * @param text The text, such as `Entering Passive Mode (127,0,0,1,25,46).`
 * @returns The address; undefined if the text contains none.
 */
export function parseFtpPassive(text: string): { hostname: string; port: number } | undefined {
  const numbers = /\d{1,3}(?: ?, ?\d{1,3}){5}/.exec(text)?.[0].split(",").map(Number);
  if (numbers === undefined || numbers.some((number) => number > 255)) return undefined;
  const [a, b, c, d, high = 0, low = 0] = numbers;
  const port = high * 256 + low;
  return port === 0 ? undefined : { hostname: `${a}.${b}.${c}.${d}`, port };
}

/**
 * Returns the command EPRT for an address (RFC 2428 §2).
 *
 * @param address The IP address and the port for the server to connect to.
 * @returns The command, without a line ending.
 */
export function encodeFtpExtendedPort(address: { hostname: string; port: number }): string {
  const { hostname, port } = address;
  // A zone has a meaning on this computer only.
  return `EPRT |${hostname.includes(":") ? 2 : 1}|${hostname.replace(/%.*$/, "")}|${port}|`;
}

/**
 * Returns the command PORT for an address (RFC 959 §4.1.2).
 *
 * @param address The IPv4 address and the port for the server to connect to.
 * @returns The command, without a line ending.
 */
export function encodeFtpPort({ hostname, port }: { hostname: string; port: number }): string {
  return `PORT ${hostname.replaceAll(".", ",")},${port >> 8},${port & 255}`;
}

/**
 * Parses the reply to PWD or MKD: a path in quotes, with inner quotes doubled (RFC 959, appendix II).
 *
 * @param text The text, such as `"/home/ann" is the current directory`. Words may be before the quote, and
 * a path that begins the text may be without quotes.
 * @returns The path; undefined if the text contains none.
 */
export function parseFtpPath(text: string): string | undefined {
  const quoted = /^[^"]*"((?:[^"]|"")*)"/.exec(text)?.[1];
  return quoted?.replaceAll('""', '"') ?? /^ *(\/[^ "]*)/.exec(text)?.[1];
}

/**
 * Parses the reply to SIZE (RFC 3659 §4).
 *
 * @param text The text, such as `1024`. Blanks around the number and words after it are ignored.
 * @returns The size in bytes; undefined if the text has another form.
 */
export function parseFtpSize(text: string): number | undefined {
  const digits = /^[ \t]*(\d{1,15})(?:[ \t].*)?$/s.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Parses a time of MDTM or MLSD (RFC 3659 §2.3), which is in UTC.
 *
 * @param text The time, such as `20261123093000` or `20261123093000.5`.
 * @returns The time; undefined if the text is not a time.
 */
export function parseFtpTime(text: string): Date | undefined {
  const [, year, month, day, hour, minute, second, fraction = ""] =
    /^[ \t]*(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?(?:[ \t].*)?$/s.exec(text) ?? [];
  if (year === undefined) return undefined;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  // The second 60 is a leap second.
  if (Number.isNaN(date.getTime()) || Number(second) > 60) return undefined;
  const rest = Number(second) + Number(`0${fraction || ".0"}`);
  return new Date(date.getTime() + Math.round(rest * 1000));
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
  const typeFact = facts.get("type") ?? "";
  const kind = lowerAscii(typeFact);
  const link = /^os\.unix=s(?:ym)?link(?::(.*))?$/is.exec(typeFact);
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
    self: kind === "cdir" || kind === "pdir" || name === "." || name === "..",
    ...sizeOf(facts.get("size")),
    ...timeOf(parseFtpTime(facts.get("modify") ?? "")),
    ...(link?.[1] && { target: link[1] }),
    ...(unique !== undefined && { unique }),
    ...(permissions !== undefined && { permissions }),
  };
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
