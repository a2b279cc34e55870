/** Data that callers pass as bytes or as text. */

import { optionError } from "./options.ts";

const encoder = new TextEncoder();

/** Returns data as bytes. Text is encoded as UTF-8. Returns undefined for other types. */
export function bytesOf(data: Uint8Array | string): Uint8Array | undefined {
  if (typeof data === "string") return encoder.encode(data);
  return data instanceof Uint8Array ? data : undefined;
}

/** Returns the error for data of another type. Such data must not reach a socket. */
export function notBytes(data: unknown): TypeError {
  return new TypeError(optionError("data", "a Uint8Array or a string", data).message);
}
