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

import { splitWords, trimBlanks, upperAscii } from "../text.ts";

/** A complete reply. */
export interface SmtpReply {
  /** The code: 2xx success, 3xx continue, 4xx temporary failure, 5xx permanent failure. */
  readonly code: number;
  /** The enhanced code (RFC 2034, RFC 3463), if every line has it. */
  readonly enhanced?: string;
  /** The text of each line, without the codes. */
  readonly lines: readonly string[];
}

/** The error for a line that is not part of a reply. */
export class SmtpSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "SmtpSyntaxError";
}

/** Maximum number of lines of a reply. */
const MAX_LINES = 1000;

/** Assembles replies from their lines. */
export class SmtpReplyReader {
  #code: string | undefined;
  #lines: string[] = [];

  /**
   * Adds a line.
   *
   * @param line The line, without its line ending.
   * @returns The reply if this is its last line; undefined if more lines follow.
   * @throws {SmtpSyntaxError} If the line is not part of this reply, or if the reply has too many lines.
   */
  push(line: string): SmtpReply | undefined {
    const [, code = "", separator, text = ""] = /^([2-5][0-5]\d)(?:([ -])(.*))?$/s.exec(line) ?? [];
    if (code === "" || (this.#code !== undefined && this.#code !== code)) {
      throw new SmtpSyntaxError(
        `This is not a line of a reply: ${JSON.stringify(line.slice(0, 100))}`,
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
 * Parses the reply to EHLO (RFC 5321 §4.1.1.1).
 *
 * @param reply The reply of the server.
 * @returns The names of the extensions in capitals, each with its parameters.
 */
export function parseSmtpExtensions(reply: SmtpReply): Map<string, readonly string[]> {
  return new Map(
    reply.lines.slice(1).map((line) => {
      // Some servers write AUTH=LOGIN, the form of a draft of RFC 2554.
      const [name = "", ...words] = splitWords(trimBlanks(line).replace(/^AUTH=/i, "AUTH "));
      return [upperAscii(name), words];
    }),
  );
}

/** The sender and the recipients of a message. They may differ from those in its header. */
export interface SmtpEnvelope {
  /** The address that gets a report if the message cannot be delivered; empty for no report. */
  readonly from: string;
  /** The addresses of the recipients. */
  readonly to: readonly string[];
}

/**
 * Checks an address and puts it into angle brackets.
 *
 * @param mailbox The address, such as `ann@example.com`; empty for the null sender.
 * @returns The path, such as `<ann@example.com>`.
 * @throws {TypeError} If it is not an address, or if it contains spaces, line breaks or brackets.
 */
export function formatSmtpPath(mailbox: string): string {
  // A quoted local part may contain nearly anything except characters that could end the path.
  const good =
    /^(?:"(?:[^"\\<>\p{Cc}]|\\[\x20-\x3b\x3d\x3f-\x7e])*"|[^\s"<>()[\]\\,:;@\p{Cc}]+)@(?:\[[0-9A-Fa-f:.IPv]+\]|[^\s"<>()[\]\\,:;@\p{Cc}]+)$/u;
  if (mailbox === "") return "<>";
  if (mailbox.length > 320 || !good.test(mailbox)) {
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
