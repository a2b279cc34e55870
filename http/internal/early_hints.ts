import { CONNECTION_FIELDS } from "./connection_fields.ts";
import { lowerAscii } from "../../net/text.ts";

/** Fields that describe a message or the connection, and not the final response. */
const REFUSED: ReadonlySet<string> = new Set(CONNECTION_FIELDS);

/** Returns whether a field may be sent in early hints. */
export function isHintField(name: string): boolean {
  return !REFUSED.has(lowerAscii(name));
}

/**
 * Returns the lines of a response 103.
 *
 * @throws {TypeError} If a field is malformed, or has no meaning in early hints.
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
