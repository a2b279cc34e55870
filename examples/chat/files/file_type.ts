/**
 * Finds the media type of a file from its first bytes. The name and the type that a sender gives are
 * not used, because a browser must never take the file for something else. Pure.
 *
 * **Permissions**: none. Source: WHATWG MIME Sniffing §6, §7.
 *
 * @module
 */

/** The number of bytes at the beginning of a file that decide its type. */
export const SNIFF_SIZE = 1024;

/** The types that a page may show in itself. SVG is not among them, because it can contain scripts. */
const IMAGES: ReadonlySet<string> = new Set([
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "image/avif",
]);

/** Bytes at an offset, as Latin-1. */
interface Signature {
  readonly type: string;
  readonly parts: readonly (readonly [offset: number, bytes: string])[];
}

const SIGNATURES: readonly Signature[] = [
  { type: "image/png", parts: [[0, "\x89PNG\r\n\x1a\n"]] },
  { type: "image/jpeg", parts: [[0, "\xff\xd8\xff"]] },
  { type: "image/gif", parts: [[0, "GIF87a"]] },
  { type: "image/gif", parts: [[0, "GIF89a"]] },
  { type: "image/webp", parts: [[0, "RIFF"], [8, "WEBP"]] },
  { type: "image/avif", parts: [[4, "ftypavif"]] },
  { type: "image/avif", parts: [[4, "ftypavis"]] },
  { type: "video/mp4", parts: [[4, "ftyp"]] },
  { type: "video/webm", parts: [[0, "\x1a\x45\xdf\xa3"]] },
  { type: "audio/wave", parts: [[0, "RIFF"], [8, "WAVE"]] },
  { type: "audio/mpeg", parts: [[0, "ID3"]] },
  { type: "application/ogg", parts: [[0, "OggS"]] },
  { type: "application/pdf", parts: [[0, "%PDF-"]] },
  { type: "application/zip", parts: [[0, "PK\x03\x04"]] },
  { type: "application/zip", parts: [[0, "PK\x05\x06"]] },
  { type: "application/gzip", parts: [[0, "\x1f\x8b\x08"]] },
  { type: "application/x-7z-compressed", parts: [[0, "7z\xbc\xaf\x27\x1c"]] },
  { type: "application/x-xz", parts: [[0, "\xfd7zXZ\0"]] },
];

/**
 * Returns the media type of a file.
 *
 * @param head The first {@linkcode SNIFF_SIZE} bytes of the file, or all of a smaller one.
 * @returns The type of a known signature; `text/plain` for UTF-8 without control characters; otherwise
 * `application/octet-stream`.
 */
export function sniffType(head: Uint8Array): string {
  const found = SIGNATURES.find(({ parts }) =>
    parts.every(([offset, bytes]) => hasBytes(head, offset, bytes))
  );
  if (found !== undefined) return found.type;
  return isText(head) ? "text/plain; charset=utf-8" : "application/octet-stream";
}

/**
 * Returns whether a page may show a file of this type in itself.
 *
 * @param type A type from {@linkcode sniffType}.
 * @returns True for pictures that cannot contain scripts.
 */
export function isPicture(type: string): boolean {
  return IMAGES.has(type);
}

function hasBytes(head: Uint8Array, offset: number, bytes: string): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (head[offset + i] !== bytes.charCodeAt(i)) return false;
  }
  return true;
}

/** The control characters of binary data: all but TAB, LF, FF, CR and ESC. */
// deno-lint-ignore no-control-regex -- these characters show that a file is binary
const BINARY = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]/;

/** Returns whether the bytes are UTF-8. The last character may be cut. */
function isText(head: Uint8Array): boolean {
  try {
    // In streaming mode, a cut character at the end is no error.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return !BINARY.test(text);
  } catch {
    return false;
  }
}
