import { trimBlanks } from "../../../net/text.ts";
import { OFFERED_CODINGS } from "../../internal/decompress.ts";
import { SpelledHeaders } from "../_spelled_headers.ts";

/** The header lines of a request that do not depend on its URL and body. */
export interface HeaderBlock {
  /** The lines, each with its CRLF. */
  readonly lines: string;
  /** The value of `Host`, if the caller has set it. */
  readonly host: string | undefined;
  /** The value of `Content-Length`, if the caller has set it. */
  readonly length: string | undefined;
  /** Whether the lines contain a `Content-Type`. */
  readonly typed: boolean;
  /** Whether the caller expects `100 Continue`. */
  readonly expects: boolean;
  /** Whether the caller wants the connection to end with the response (RFC 9112 §9.6). */
  readonly closes: boolean;
}

/** The framing of the body of a request: its size, chunks, or none. */
export type RequestFraming = number | "chunked" | undefined;

/** The lines that the client adds unless the caller sets them. */
const OWN: readonly (readonly [lower: string, line: string])[] = [
  ["accept", "Accept: */*\r\n"],
  ["user-agent", `User-Agent: Deno/${Deno.version.deno}\r\n`],
  ["accept-encoding", `Accept-Encoding: ${OFFERED_CODINGS}\r\n`],
];

/**
 * Writes headers as lines.
 *
 * @throws {TypeError} If the caller sets a transfer coding other than chunked.
 */
export function headerBlock(headers: Headers): HeaderBlock {
  let lines = "";
  let host: string | undefined;
  let length: string | undefined;
  let expects = false;
  let closes = false;
  for (const [lower, line] of OWN) if (!headers.has(lower)) lines += line;
  for (const [lower, value] of headers) {
    if (lower === "host") host = value;
    else if (lower === "content-length") length = value;
    else if (lower === "transfer-encoding") checkCoding(value);
    else {
      if (lower === "expect") expects = value.toLowerCase() === "100-continue";
      if (lower === "connection") closes = hasClose(value);
      const name = headers instanceof SpelledHeaders ? headers.spelled(lower) : lower;
      lines += `${name}: ${value}\r\n`;
    }
  }
  return { lines, host, length, typed: headers.has("content-type"), expects, closes };
}

/** Returns whether `Connection` has the option `close`. */
function hasClose(value: string): boolean {
  return value.toLowerCase().split(",").some((one) => trimBlanks(one) === "close");
}

/** The client frames bodies itself. A stream of unknown size is sent in chunks. */
function checkCoding(value: string): void {
  if (trimBlanks(value).toLowerCase() === "chunked") return;
  throw new TypeError("Cannot send this Transfer-Encoding: only chunked is supported");
}

/** Methods whose requests state that they have no body (RFC 9110 §8.6). */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** Returns the line that frames a body. Throws if the caller has set another length. */
export function framingLine(
  method: string,
  framing: RequestFraming,
  given: string | undefined,
): string {
  if (given !== undefined && framing !== "chunked" && given !== String(framing ?? 0)) {
    throw new TypeError(`Content-Length must be ${framing ?? 0}, the size of the body`);
  }
  if (framing === "chunked") return "Transfer-Encoding: chunked\r\n";
  if (framing !== undefined) return `Content-Length: ${framing}\r\n`;
  return WITH_BODY.has(method) || given !== undefined ? "Content-Length: 0\r\n" : "";
}
