/**
 * Parser for the replies of SMTP (RFC 5321), and formatter for its addresses. Pure.
 *
 * @example Read a reply of several lines
 * ```ts
 * import { SmtpReplyReader } from "@portside/kit/net/smtp";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new SmtpReplyReader();
 * assertEquals(reader.push("550-5.1.1 no such"), undefined);
 * assertEquals(reader.push("550 5.1.1 user"), {
 *   code: 550,
 *   enhanced: "5.1.1",
 *   lines: ["no such", "user"],
 * });
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { isMailAddress } from "../internal/mail_address.ts";
import { splitWords, trimBlanks, upperAscii } from "../text.ts";

/** A complete reply. */
export interface SmtpReply {
  /**
   * The code. Its first digit decides: 2 success, 3 continue, 4 temporary failure, all others permanent
   * failure. If the lines have different codes, it is that of the last line. It is 0 if the server sent
   * text without a code.
   */
  readonly code: number;
  /** The enhanced code (RFC 2034, RFC 3463) of the first line, if it agrees with the code. */
  readonly enhanced?: string;
  /** The text of each line, without the codes. There is at least one. */
  readonly lines: readonly string[];
  /** The number of lines before the first line with a code, if there are any. */
  readonly textLines?: number;
}

/** The error for a reply that does not end. */
export class SmtpSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "SmtpSyntaxError";
}

/** Maximum number of lines of a reply. */
const MAX_LINES = 1000;

/**
 * Assembles replies from their lines. Any three digits are a code. A line without a code is a part of the
 * reply that it stands in or before.
 */
export class SmtpReplyReader {
  /** The code of the last line, if more lines must follow. */
  #code: string | undefined;
  #lines: string[] = [];
  /** The index of the first line with a code. */
  #first = 0;

  /** The lines so far: none, only text without a code, or the beginning of a reply. */
  get state(): "empty" | "text" | "reply" {
    return this.#code !== undefined ? "reply" : this.#lines.length > 0 ? "text" : "empty";
  }

  /**
   * Adds a line.
   *
   * @param line The line, without its line ending.
   * @returns The reply if this is its last line; undefined if more lines follow.
   * @throws {SmtpSyntaxError} If the reply has too many lines.
   */
  push(line: string): SmtpReply | undefined {
    // Within a reply, the text of a line without a code may begin with a number.
    const form = this.#code === undefined
      ? /^(\d{3})(?!\d)([- \t]?)(.*)$/s
      : /^(\d{3})(?:([- \t])(.*))?$/s;
    const [, code, separator = "", text = ""] = form.exec(line) ?? [];
    if (code === undefined && this.#code === undefined) this.#first++;
    this.#lines.push(code === undefined ? line : text);
    if (code !== undefined && separator !== "-") return this.#end(Number(code));
    this.#code = code ?? this.#code;
    if (this.#lines.length >= MAX_LINES) throw new SmtpSyntaxError("The reply does not end");
    return undefined;
  }

  /**
   * Ends a text without a code that no reply has followed.
   *
   * @returns A reply with the code 0; undefined if there is no such text.
   */
  flush(): SmtpReply | undefined {
    if (this.state !== "text") return undefined;
    this.#first = 0;
    return this.#end(0);
  }

  #end(code: number): SmtpReply {
    const lines = this.#lines;
    const first = lines[this.#first]!;
    const before = this.#first > 0 && { textLines: this.#first };
    this.#code = undefined;
    this.#lines = [];
    this.#first = 0;
    const [, enhanced = ""] = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(first) ?? [];
    if (enhanced === "" || !`${code}`.startsWith(enhanced[0]!)) return { code, lines, ...before };
    const bare = (line: string) =>
      line === enhanced || line.startsWith(`${enhanced} `) ? line.slice(enhanced.length + 1) : line;
    return { code, enhanced, lines: lines.map(bare), ...before };
  }
}

/**
 * Parses the reply to EHLO (RFC 5321 §4.1.1.1).
 *
 * @param reply The reply of the server.
 * @returns The names of the extensions in capitals, each with its parameters.
 */
export function parseSmtpExtensions(reply: SmtpReply): Map<string, readonly string[]> {
  const extensions = new Map<string, readonly string[]>();
  // A server may write many lines with mechanisms, so that copies of the list would cost too much.
  const mechanisms = new Set<string>();
  for (const line of reply.lines.slice(1)) {
    // Some servers write AUTH=LOGIN, the form of a draft of RFC 2554, besides AUTH or instead of it.
    const [word = "", ...words] = splitWords(trimBlanks(line).replace(/^AUTH=/i, "AUTH "));
    const name = upperAscii(word);
    extensions.set(name, [...new Set(words)]);
    if (name === "AUTH") { for (const word of words) mechanisms.add(word); }
  }
  if (extensions.has("AUTH")) extensions.set("AUTH", [...mechanisms]);
  return extensions;
}

/**
 * Checks an address and puts it into angle brackets.
 *
 * @param mailbox The address, such as `ann@example.com`; empty for the null sender. The recipient
 * `postmaster` needs no domain (RFC 5321 §4.1.1.3).
 * @returns The path, such as `<ann@example.com>`.
 * @throws {TypeError} If it is not an address, or if it contains spaces, line breaks or brackets.
 */
export function formatSmtpPath(mailbox: string): string {
  if (mailbox === "" || /^postmaster$/i.test(mailbox)) return `<${mailbox}>`;
  if (!isMailAddress(mailbox)) {
    throw new TypeError(`Cannot use the address ${JSON.stringify(mailbox)}: give user@host`);
  }
  return `<${mailbox}>`;
}

/**
 * Returns whether an address needs SMTPUTF8 (RFC 6531).
 *
 * @param mailbox The address, such as `ann@example.com`.
 * @returns True if it contains a character that is not ASCII.
 */
export function needsSmtpUtf8(mailbox: string): boolean {
  return /[^\x20-\x7e]/.test(mailbox);
}
