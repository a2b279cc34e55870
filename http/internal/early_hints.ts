import { lowerAscii } from "../../net/text.ts";

/** Fields that speak of a message or of the connection, and not of the response to come. */
const REFUSED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Returns whether a field may be sent in early hints. */
export function isHintField(name: string): boolean {
  return !REFUSED.has(lowerAscii(name));
}

/**
 * Returns the lines of a response 103.
 *
 * @throws {TypeError} If a field is malformed, or of no use in it.
 */
export function hintLines(headers: HeadersInit): string {
  let lines = "";
  for (const [name, value] of new Headers(headers)) {
    if (REFUSED.has(name)) {
      throw new TypeError(`Cannot send ${name} in early hints: it belongs to the connection`);
    }
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
