import { xorKey } from "./_frame_mask.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The opcodes of frames (RFC 6455 §11.8). */
export const WsOpcode = {
  /** Goes on with a message. */
  continuation: 0,
  /** Begins a message of text. */
  text: 1,
  /** Begins a message of bytes. */
  binary: 2,
  /** Closes. */
  close: 8,
  /** Asks whether the peer is there. */
  ping: 9,
  /** Answers that. */
  pong: 10,
} as const;

/** Options of {@linkcode encodeWsFrame}. */
export interface WsFrameOptions {
  /**
   * Whether the message ends with this frame.
   *
   * @default true
   */
  fin?: boolean;
  /** The four bytes to mask with, which a client must and a server must not (RFC 6455 §5.3). */
  mask?: Uint8Array;
  /**
   * Where to put the frame, which is a view of it then, if it has room.
   *
   * @default new memory
   */
  memory?: Uint8Array<ArrayBuffer>;
}

const NOTHING: Bytes = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Makes the bytes of one frame.
 *
 * @param opcode What it is, one of {@linkcode WsOpcode}.
 * @param payload Bytes, or text that is encoded as UTF-8.
 * @param options Whether it is the last of its message, and the mask.
 * @returns The frame.
 * @throws {RangeError} If it is none: another opcode, a control frame in fragments or of more than
 * 125 bytes, a mask of other than four bytes.
 */
export function encodeWsFrame(
  opcode: number,
  payload: Uint8Array | string = NOTHING,
  options: WsFrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const { fin = true, mask, memory } = options;
  const control = opcode >= 8;
  if (!Number.isInteger(opcode) || opcode < 0 || opcode > 10 || (opcode > 2 && !control)) {
    throw new RangeError(`Cannot encode a frame of the opcode ${opcode}: it is none`);
  }
  if (mask !== undefined && mask.length !== 4) {
    throw new RangeError(`Cannot mask with ${mask.length} bytes: a key has four`);
  }
  const first = (fin ? 0x80 : 0) | opcode;
  let frame = typeof payload === "string" ? asciiFrame(first, payload, mask, memory) : undefined;
  if (frame === undefined) {
    const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
    frame = withHead(first, bytes.length, mask, memory);
    frame.set(bytes, frame.length - bytes.length);
    if (mask !== undefined) xorKey(frame.subarray(frame.length - bytes.length), mask, 0);
  }
  if (control && (!fin || (frame[1]! & 0x7f) > 125)) {
    throw new RangeError("Cannot encode a control frame in fragments or of more than 125 bytes");
  }
  return frame;
}

/**
 * Makes the bytes of a close frame.
 *
 * @param code The code; 1005 for none.
 * @param reason For the developers of the other side, at most 123 bytes.
 * @param options The mask.
 * @returns The frame.
 * @throws {RangeError} If the code is none that may be sent, or the reason is too long.
 */
export function encodeWsClose(
  code = 1005,
  reason = "",
  options: Pick<WsFrameOptions, "mask"> = {},
): Uint8Array<ArrayBuffer> {
  if (code === 1005 && reason === "") return encodeWsFrame(WsOpcode.close, NOTHING, options);
  if (!isCloseCode(code)) throw new RangeError(`Cannot close with ${code}: it may not be sent`);
  const text = encoder.encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >> 8;
  payload[1] = code;
  payload.set(text, 2);
  return encodeWsFrame(WsOpcode.close, payload, options);
}

/**
 * Whether a code may stand in a close frame (RFC 6455 §7.4): 1000 to 1014 but 1004 to 1006, and
 * 3000 to 4999.
 *
 * @param code The code.
 * @returns Whether it may.
 */
export function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code) || (code >= 1004 && code <= 1006)) return false;
  return (code >= 1000 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** The frame of a text of ASCII, encoded where it goes; undefined for any other. */
function asciiFrame(
  first: number,
  text: string,
  mask: Uint8Array | undefined,
  memory: Bytes | undefined,
): Bytes | undefined {
  const { length } = text;
  const frame = withHead(first, length, mask, memory);
  const body = frame.subarray(frame.length - length);
  if (encoder.encodeInto(text, body).read !== length) return undefined;
  if (mask !== undefined) xorKey(body, mask, 0);
  return frame;
}

/** A frame without its payload of `length` bytes. */
function withHead(
  first: number,
  length: number,
  mask: Uint8Array | undefined,
  memory: Bytes | undefined,
): Bytes {
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = 2 + extra + (mask === undefined ? 0 : 4);
  const size = head + length;
  const frame = memory && memory.length >= size ? memory.subarray(0, size) : new Uint8Array(size);
  frame[0] = first;
  frame[1] = (mask === undefined ? 0 : 0x80) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  for (let i = 0, rest = length; i < extra; i++, rest = Math.floor(rest / 256)) {
    frame[1 + extra - i] = rest % 256;
  }
  if (mask !== undefined) frame.set(mask, head - 4);
  return frame;
}
