import { charsetOf } from "../internal/content_type.ts";
import { HttpDecodeError } from "./errors.ts";
import { jsonPlace } from "../internal/json_error.ts";

/** Parses JSON. The error names the place of the fault. */
export function decodeJson<T>(text: string, of: { shownUrl: string; status: number }): T {
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
    const { line, column, reason } = jsonPlace(text);
    const row = text.split("\n")[line - 1] ?? "";
    const excerpt = row.slice(Math.max(0, column - 31), column + 29);
    throw new HttpDecodeError(
      `Cannot read JSON of ${meta.url}: line ${line}, column ${column}: ${reason}, near: ${excerpt}`,
      { ...meta, line, column, excerpt },
    );
  }
}

/** Decodes text in the charset of its media type, or as UTF-8 if the charset is unknown. */
export function decodeText(data: Uint8Array, contentType: string | null): string {
  const label = charsetOf(contentType);
  if (label === undefined || /^utf-?8$/i.test(label)) return utf8.decode(data);
  try {
    return new TextDecoder(label).decode(data);
  } catch {
    return utf8.decode(data);
  }
}

const utf8 = new TextDecoder();
