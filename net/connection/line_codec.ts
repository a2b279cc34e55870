/**
 * Lines of text in a byte stream: finds a line in a buffer and decodes it. The functions are pure.
 *
 * @example Decode the first line of a buffer
 * ```ts
 * import { decodeLine, scanLine } from "@portside/kit/net/line-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("HELO me\r\nQUIT\r\n");
 * const line = scanLine(bytes, 0, 512);
 * if (line.type === "line") assertEquals(decodeLine(bytes.subarray(0, line.end)), "HELO me");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

const LF = 0x0a;
const CR = 0x0d;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const fatalDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What {@linkcode scanLine} found. */
export type LineScan =
  /** A line: its text is `[start, end)`, the next line starts at `next`. */
  | { readonly type: "line"; readonly end: number; readonly next: number }
  /** A whole line above the maximum; the next one starts at `next`. */
  | { readonly type: "overlong"; readonly next: number }
  /** No end of line yet, and already more than the maximum. */
  | { readonly type: "overflow" }
  /** No end of line yet. */
  | { readonly type: "partial" };

/**
 * Looks for the first line in `bytes`. Lines end with LF or CR LF; a CR
 * elsewhere is part of the line.
 *
 * @param bytes The buffered bytes, starting with the line.
 * @param from The index at which to go on searching, when the bytes before it are known to hold no LF.
 * @param max The most bytes that a line may have, its terminator not counted.
 * @returns What was found.
 *
 * @example A line in a buffer
 * ```ts
 * import { scanLine } from "@portside/kit/net/line-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("one\r\ntwo");
 * assertEquals(scanLine(bytes, 0, 80), { type: "line", end: 3, next: 5 });
 * assertEquals(scanLine(bytes.subarray(5), 0, 80), { type: "partial" });
 * ```
 */
export function scanLine(bytes: Uint8Array, from: number, max: number): LineScan {
  const lf = bytes.indexOf(LF, from);
  if (lf === -1) {
    // One byte above the maximum may still be the CR of the terminator.
    const text = bytes.length > 0 && bytes[bytes.length - 1] === CR
      ? bytes.length - 1
      : bytes.length;
    return text > max ? { type: "overflow" } : { type: "partial" };
  }
  const end = lf > 0 && bytes[lf - 1] === CR ? lf - 1 : lf;
  return end > max ? { type: "overlong", next: lf + 1 } : { type: "line", end, next: lf + 1 };
}

/**
 * Decodes the bytes of one line as UTF-8. A byte order mark is kept: it is not
 * the business of a line in the middle of a stream.
 *
 * @param bytes The line without its terminator.
 * @param fatal Whether invalid UTF-8 throws instead of becoming U+FFFD.
 * @returns The text.
 * @throws {TypeError} With `fatal`, if the bytes are not UTF-8.
 *
 * @example Invalid UTF-8
 * ```ts
 * import { decodeLine } from "@portside/kit/net/line-codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(decodeLine(new Uint8Array([0x61, 0xff])), "a\ufffd");
 * assertThrows(() => decodeLine(new Uint8Array([0xff]), true), TypeError);
 * ```
 */
export function decodeLine(bytes: Uint8Array, fatal = false): string {
  return (fatal ? fatalDecoder : decoder).decode(bytes);
}
