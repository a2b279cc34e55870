/**
 * Length-prefixed frames in a byte stream: an unsigned length of 1, 2 or 4 bytes, then as many bytes
 * of payload. The functions are pure.
 *
 * @example Encode and decode
 * ```ts
 * import { decodeFrameLength, encodeFrame } from "@portside/kit/net/frame-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const frame = encodeFrame(new Uint8Array([7, 8]), { lengthBytes: 2 });
 * assertEquals(frame, new Uint8Array([0, 2, 7, 8]));
 * assertEquals(decodeFrameLength(frame, { lengthBytes: 2 }), 2);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { FRAME_FORMAT } from "./_frame_format.ts";

/** The format of the length prefix. */
export interface FrameFormat {
  /**
   * Size of the length in bytes.
   *
   * @default 4
   */
  lengthBytes?: 1 | 2 | 4;
  /**
   * Whether the length is little-endian. Network byte order is big-endian.
   *
   * @default false
   */
  littleEndian?: boolean;
}

/**
 * Encodes one frame.
 *
 * @param payload The content of the frame. Text is encoded as UTF-8.
 * @param format The format of the length prefix.
 * @returns The prefix and the payload in one buffer.
 * @throws {RangeError | TypeError} If the payload is longer than the prefix can express, or an
 * option is invalid.
 *
 * @example A frame with a text
 * ```ts
 * import { encodeFrame } from "@portside/kit/net/frame-codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeFrame("hi"), new Uint8Array([0, 0, 0, 2, 0x68, 0x69]));
 * ```
 */
export function encodeFrame(
  payload: Uint8Array | string,
  format: FrameFormat = {},
): Uint8Array<ArrayBuffer> {
  FRAME_FORMAT.checkBriefly("encodeFrame", format);
  const { littleEndian = false, lengthBytes = 4 } = format;
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const limit = 2 ** (8 * lengthBytes) - 1;
  if (bytes.length > limit) {
    throw new RangeError(
      `Cannot encode a frame of ${bytes.length} bytes: ` +
        `the maximum for a length of ${lengthBytes} bytes is ${limit}`,
    );
  }
  const frame = new Uint8Array(lengthBytes + bytes.length);
  const view = new DataView(frame.buffer);
  if (lengthBytes === 1) view.setUint8(0, bytes.length);
  else if (lengthBytes === 2) view.setUint16(0, bytes.length, littleEndian);
  else view.setUint32(0, bytes.length, littleEndian);
  frame.set(bytes, lengthBytes);
  return frame;
}

/**
 * Reads the length from the start of a frame.
 *
 * @param bytes The buffered bytes, starting with the prefix.
 * @param format The format of the length prefix.
 * @returns The length of the payload, or undefined while the prefix is incomplete.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example An incomplete prefix
 * ```ts
 * import { decodeFrameLength } from "@portside/kit/net/frame-codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeFrameLength(new Uint8Array([0, 0, 1])), undefined);
 * assertEquals(decodeFrameLength(new Uint8Array([0, 0, 1, 0])), 256);
 * ```
 */
export function decodeFrameLength(
  bytes: Uint8Array,
  format: FrameFormat = {},
): number | undefined {
  FRAME_FORMAT.checkBriefly("decodeFrameLength", format);
  const { littleEndian = false, lengthBytes = 4 } = format;
  if (bytes.length < lengthBytes) return undefined;
  if (lengthBytes === 1) return bytes[0];
  const view = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  return lengthBytes === 2 ? view.getUint16(0, littleEndian) : view.getUint32(0, littleEndian);
}
