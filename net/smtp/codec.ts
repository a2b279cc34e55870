/**
 * The replies and commands of SMTP (RFC 5321), read and written. Pure.
 *
 * @example A reply of several lines
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

import { splitWords, trimBlanks, upperAscii } from "../text.ts";

/** A whole reply. */
export interface SmtpReply {
  /** The code: 2xx done, 3xx go on, 4xx not now, 5xx never. */
  readonly code: number;
  /** The enhanced code (RFC 2034, RFC 3463), if every line has it. */
  readonly enhanced?: string;
  /** What was said, a text each line. */
  readonly lines: readonly string[];
}

/** A line that is no part of a reply. */
export class SmtpSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "SmtpSyntaxError";
}

/** The most lines of a reply. */
const MAX_LINES = 1000;

/** Puts the lines of a reply together. */
export class SmtpReplyReader {
  #code: string | undefined;
  #lines: string[] = [];

  /**
   * Takes a line.
   *
   * @param line The line, without its end.
   * @returns The reply, when this was its last line.
   * @throws {SmtpSyntaxError} If the line is no part of this reply, or it does not end.
   */
  push(line: string): SmtpReply | undefined {
    const [, code = "", separator, text = ""] = /^([2-5][0-5]\d)(?:([ -])(.*))?$/s.exec(line) ?? [];
    if (code === "" || (this.#code !== undefined && this.#code !== code)) {
      throw new SmtpSyntaxError(
        `This is no line of a reply: ${JSON.stringify(line.slice(0, 100))}`,
      );
    }
    this.#lines.push(text);
    if (separator === "-") {
      if (this.#lines.length >= MAX_LINES) throw new SmtpSyntaxError("The reply does not end");
      this.#code = code;
      return undefined;
    }
    const lines = this.#lines;
    this.#code = undefined;
    this.#lines = [];
    const enhanced = lines.map((one) => /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(one)?.[1]);
    const [first] = enhanced;
    return first !== undefined && enhanced.every((one) => one === first)
      ? {
        code: Number(code),
        enhanced: first,
        lines: lines.map((one) => one.slice(first.length + 1)),
      }
      : { code: Number(code), lines };
  }
}

/**
 * Reads what EHLO is answered with (RFC 5321 §4.1.1.1).
 *
 * @param reply The reply.
 * @returns The extensions in capitals, each with its words.
 */
export function parseSmtpExtensions(reply: SmtpReply): Map<string, readonly string[]> {
  return new Map(
    reply.lines.slice(1).map((line) => {
      // Some servers write AUTH=LOGIN, as a draft of RFC 2554 had it.
      const [name = "", ...words] = splitWords(trimBlanks(line).replace(/^AUTH=/i, "AUTH "));
      return [upperAscii(name), words];
    }),
  );
}

/** What is known of a message before it is sent. */
export interface SmtpEnvelope {
  /** Who gets what cannot be delivered; empty for nobody. */
  readonly from: string;
  /** Who gets it. */
  readonly to: readonly string[];
}

/**
 * Checks a mailbox and puts it into angle brackets.
 *
 * @param mailbox The address, as `ann@example.com`; empty for the null sender.
 * @returns The path.
 * @throws {TypeError} If it could be more than an address: blanks, line breaks, brackets.
 */
export function formatSmtpPath(mailbox: string): string {
  // A quoted local part may hold nearly anything; what could end the path may not.
  const good =
    /^(?:"(?:[^"\\<>\p{Cc}]|\\[\x20-\x3b\x3d\x3f-\x7e])*"|[^\s"<>()[\]\\,:;@\p{Cc}]+)@(?:\[[0-9A-Fa-f:.IPv]+\]|[^\s"<>()[\]\\,:;@\p{Cc}]+)$/u;
  if (mailbox === "") return "<>";
  if (mailbox.length > 320 || !good.test(mailbox)) {
    throw new TypeError(`Cannot use the address ${JSON.stringify(mailbox)}: give user@host`);
  }
  return `<${mailbox}>`;
}

/**
 * Whether an address needs SMTPUTF8 (RFC 6531).
 *
 * @param mailbox The address.
 * @returns Whether it has letters beyond ASCII.
 */
export function needsSmtpUtf8(mailbox: string): boolean {
  return /[^\x20-\x7e]/.test(mailbox);
}
