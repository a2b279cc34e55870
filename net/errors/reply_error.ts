/**
 * The error of a server that said no, for protocols that speak in lines: FTP, SMTP, POP3, IMAP.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError } from "./errors.ts";

/** What a {@linkcode ReplyError} is made of. */
export interface Reply {
  /** The code of the protocol: `550`, or `NO`, `BAD`, `-ERR` where it has no numbers. */
  readonly code: string;
  /** The enhanced code (RFC 3463) or the response code in brackets, e.g. `5.1.1`, `AUTHENTICATIONFAILED`. */
  readonly enhanced?: string | undefined;
  /** What the server said, without the code. */
  readonly lines: readonly string[];
  /** Whether the same may succeed later. */
  readonly temporary: boolean;
  /** The server. */
  readonly address?: string;
}

/**
 * A server refused what it was asked for. The connection lives.
 *
 * @example Tell it from a broken line
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
  /** What the server said, lines joined by `\n`; it may hold anything. */
  readonly text: string;

  /**
   * Makes an error.
   *
   * @param what What could not be done, as the beginning of a sentence.
   * @param reply What the server said.
   */
  constructor(what: string, { code, enhanced, lines, temporary, address }: Reply) {
    const said = [code, enhanced, lines.join(" ").slice(0, 500)].filter((part) => part).join(" ");
    super(`${what}: ${said}`, {
      kind: "reply",
      code,
      retryable: temporary,
      ...(address !== undefined && { address }),
    });
    this.enhanced = enhanced;
    this.text = lines.join("\n");
  }
}
