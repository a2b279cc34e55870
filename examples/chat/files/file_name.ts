/**
 * Makes names of files safe, and encodes them for `Content-Disposition`. Pure.
 *
 * **Permissions**: none. Source: RFC 6266, RFC 8187.
 *
 * @module
 */

import { isDeviceName } from "../../../net/internal/local_name.ts";
import { byteLength, isBlank, neutralise } from "../safe_text.ts";

/** The maximum size of a name in bytes of UTF-8. File systems allow 255. */
const MAX_NAME = 200;

/** The maximum length of an extension that is kept when a long name is cut. */
const MAX_EXTENSION = 16;

/** Characters with a meaning in paths or on Windows. */
const RESERVED = /[/\\:*?"<>|%]/g;

/**
 * Returns a name that is safe on every screen and in every folder: without path separators, control
 * characters and direction changes, not hidden, and at most 200 bytes long.
 *
 * @param given The name that the sender gives.
 * @returns The safe name; `file` if nothing of the name remains.
 */
export function safeFileName(given: string): string {
  const plain = neutralise(given.toWellFormed()).replace(RESERVED, "_");
  // A dot at the start hides a file. Windows drops dots and blanks at the end.
  const visible = plain.replace(/^[\s.]+|[\s.]+$/gu, "");
  const name = shorten(isDeviceName(visible) ? `_${visible}` : visible).replace(/[\s.]+$/u, "");
  return name === "" || isBlank(name) ? "file" : name;
}

/** Cuts a name to its maximum size and keeps a short extension. */
function shorten(name: string): string {
  if (byteLength(name) <= MAX_NAME) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION ? name.slice(dot) : "";
  let [kept, left] = ["", MAX_NAME - byteLength(extension)];
  for (const character of name) {
    left -= byteLength(character);
    if (left < 0) break;
    kept += character;
  }
  return kept.trimEnd() + extension;
}

/**
 * Decodes the name in the header of an upload.
 *
 * @param value The value of `x-file-name`, percent-encoded UTF-8; null without the header.
 * @returns The name; undefined if the encoding is invalid.
 */
export function decodeFileName(value: string | null): string | undefined {
  try {
    return decodeURIComponent(value ?? "");
  } catch {
    return undefined;
  }
}

/**
 * Encodes `Content-Disposition` (RFC 6266 §4).
 *
 * @param type Whether a browser may show the file or must save it.
 * @param name A name from {@linkcode safeFileName}.
 * @returns The value of the header, with an ASCII form of the name for old clients.
 */
export function encodeDisposition(type: "inline" | "attachment", name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/gu, "_");
  const plain = `${type}; filename="${ascii}"`;
  return ascii === name ? plain : `${plain}; filename*=UTF-8''${encodeExtended(name)}`;
}

/** Encodes a value of RFC 8187 §3.2: only its `attr-char` stay unchanged. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
