/**
 * The error for refusals by a server of FTP, SMTP, POP3 or IMAP.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError } from "./errors.ts";

/** The reply in a {@linkcode ReplyError}. */
export interface Reply {
  /** The code of the protocol: a number such as `550`, or `NO`, `BAD` or `-ERR`. */
  readonly code: string;
  /**
   * The enhanced code (RFC 3463), for example `5.1.1`, or the response code in brackets, for example
   * `AUTHENTICATIONFAILED`.
   */
  readonly enhanced?: string | undefined;
  /** The text of the reply, without the code. */
  readonly lines: readonly string[];
  /** Whether the command may succeed later. */
  readonly temporary: boolean;
  /** The address of the server. */
  readonly address?: string;
  /** Sentences about the reason and the remedy, for the end of the message. */
  readonly hint?: string | undefined;
}

/**
 * The refusal of a command by a server. The connection stays usable.
 *
 * @example Create an error from a reply
 * ```ts
 * import { ReplyError } from "@portside/kit/net/errors";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ReplyError("Cannot send to <x@a.test>", {
 *   code: "550",
 *   enhanced: "5.1.1",
 *   lines: ["no such user"],
 *   temporary: false,
 * });
 * assertEquals(error.message, "Cannot send to <x@a.test>: 550 5.1.1 no such user");
 * assertEquals([error.kind, error.code, error.retryable], ["reply", "550", false]);
 * ```
 */
export class ReplyError extends NetError {
  /** The name of the class. */
  override readonly name: string = "ReplyError";
  /** The enhanced code or the response code in brackets. */
  readonly enhanced: string | undefined;
  /** The text of the reply. Lines are joined by `\n`. It is not escaped. */
  readonly text: string;

  /**
   * Creates an error.
   *
   * @param what The start of the message, such as "Cannot send to <x@a.test>".
   * @param reply The reply of the server.
   */
  constructor(what: string, { code, enhanced, lines, temporary, address, hint }: Reply) {
    const said = [code, enhanced, lines.join(" ").slice(0, 500)].filter((part) => part).join(" ");
    super(`${what}: ${said}${hint === undefined ? "" : `. ${hint}`}`, {
      kind: "reply",
      code,
      retryable: temporary,
      ...(address !== undefined && { address }),
    });
    this.enhanced = enhanced;
    this.text = lines.join("\n");
  }
}
