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

/** The result of {@linkcode scanLine}. */
export type LineScan =
  /** A line. Its text ends before `end`, and the next line starts at `next`. */
  | { readonly type: "line"; readonly end: number; readonly next: number }
  /** A complete line above the maximum. The next line starts at `next`. */
  | { readonly type: "overlong"; readonly next: number }
  /** An incomplete line that is already above the maximum. */
  | { readonly type: "overflow" }
  /** An incomplete line. */
  | { readonly type: "partial" };

/**
 * Finds the first line in `bytes`. Lines end with LF or CR LF. A CR elsewhere is part of the line.
 *
 * @param bytes The buffered bytes, starting with the line.
 * @param from The index to search from. The bytes before it must contain no LF.
 * @param max Maximum number of bytes in a line, without its terminator.
 * @returns The position of the line, or why there is none.
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
    // One byte above the maximum may be the CR of the terminator.
    const text = bytes.length > 0 && bytes[bytes.length - 1] === CR
      ? bytes.length - 1
      : bytes.length;
    return text > max ? { type: "overflow" } : { type: "partial" };
  }
  const end = lf > 0 && bytes[lf - 1] === CR ? lf - 1 : lf;
  return end > max ? { type: "overlong", next: lf + 1 } : { type: "line", end, next: lf + 1 };
}

/**
 * Decodes the bytes of one line as UTF-8. A byte order mark is kept, because a line may be in the
 * middle of a stream.
 *
 * @param bytes The line without its terminator.
 * @param fatal Whether invalid UTF-8 throws. Otherwise it becomes U+FFFD.
 * @returns The text of the line.
 * @throws {TypeError} If `fatal` is set and the bytes are not UTF-8.
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
