import { StreamDecoder } from "../../net/internal/stream_decoder.ts";
import { charsetOf } from "../internal/content_type.ts";
import { HttpDecodeError } from "./errors.ts";
import { jsonPlace } from "../internal/json_error.ts";

/** The response that a text comes from. */
export interface TextOrigin {
  readonly shownUrl: string;
  readonly status: number;
}

/** Parses JSON that begins in a certain line, from 1. The error names the place of the fault. */
export function decodeJson<T>(text: string, of: TextOrigin, firstLine = 1): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const meta = { url: of.shownUrl, status: of.status };
    if (/^[ \t\r\n]*$/.test(text)) {
      throw new HttpDecodeError(`Cannot read JSON of ${meta.url}: the body is empty`, {
        ...meta,
        cause,
      });
    }
    const place = jsonPlace(text);
    const { column, reason } = place;
    const row = text.split("\n")[place.line - 1] ?? "";
    const line = place.line + firstLine - 1;
    const excerpt = row.slice(Math.max(0, column - 31), column + 29);
    throw new HttpDecodeError(
      `Cannot read JSON of ${meta.url}: line ${line}, column ${column}: ${reason}, near: ${excerpt}`,
      { ...meta, line, column, excerpt },
    );
  }
}

/**
 * Decodes text. A byte order mark wins over the charset of the media type (Encoding standard, "decode").
 * Text without either, or in an unknown charset, is UTF-8.
 */
export function decodeText(data: Uint8Array, contentType: string | null): string {
  return textDecoder(data, contentType).decode(data);
}

/** Decodes JSON, which is UTF-8 (RFC 8259 §8.1). A byte order mark of UTF-16 is respected. */
export function decodeJsonText(data: Uint8Array): string {
  const mark = markOf(data);
  return (mark === undefined || mark === "utf-8" ? utf8 : new TextDecoder(mark)).decode(data);
}

/** Returns a decoder for a text in pieces that begins with certain bytes. */
export function streamDecoder(start: Uint8Array, contentType: string | null): StreamDecoder {
  try {
    return new StreamDecoder(labelOf(start, contentType));
  } catch {
    return new StreamDecoder();
  }
}

function textDecoder(start: Uint8Array, contentType: string | null): TextDecoder {
  const label = labelOf(start, contentType);
  if (/^utf-?8$/i.test(label)) return utf8;
  try {
    return new TextDecoder(label);
  } catch {
    return utf8;
  }
}

function labelOf(start: Uint8Array, contentType: string | null): string {
  return markOf(start) ?? unquote(charsetOf(contentType) ?? "utf-8");
}

/** Returns the charset that a byte order mark names; undefined without one. */
function markOf(start: Uint8Array): string | undefined {
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  return start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf ? "utf-8" : undefined;
}

/** Removes single quotes, which some servers write instead of the double quotes of RFC 9110 §5.6.4. */
function unquote(label: string): string {
  return label.replace(/^'(.*)'$/, "$1");
}

const utf8 = new TextDecoder();
