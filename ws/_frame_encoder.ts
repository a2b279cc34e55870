import { flag, OptionRules, rule } from "../net/internal/options.ts";
import { xorKey } from "./_frame_mask.ts";
import { CloseCode, isCloseCode } from "./internal/close_codes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The opcodes of frames (RFC 6455 §11.8). */
export const WsOpcode = {
  /** Continues a message. */
  continuation: 0,
  /** Begins a text message. */
  text: 1,
  /** Begins a binary message. */
  binary: 2,
  /** Closes the connection. */
  close: 8,
  /** Asks whether the peer is there. */
  ping: 9,
  /** Answers a ping. */
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
  /**
   * Whether the payload is compressed, which the bit RSV1 says (RFC 7692 §6). Only the first frame of
   * a message may have it.
   *
   * @default false
   */
  compressed?: boolean;
  /** Masking key of four bytes. Required for clients, forbidden for servers (RFC 6455 §5.3). */
  mask?: Uint8Array;
  /**
   * Buffer for the frame. If it is large enough, the returned frame is a view of it.
   *
   * @default a new buffer
   */
  memory?: Uint8Array<ArrayBuffer>;
}

const bytesRule = rule("a Uint8Array", (value) => value instanceof Uint8Array);
const FRAME = new OptionRules<WsFrameOptions>({
  fin: flag,
  compressed: flag,
  mask: bytesRule,
  memory: bytesRule,
});

const NOTHING: Bytes = new Uint8Array(0);
const NO_OPTIONS: WsFrameOptions = {};
const encoder = new TextEncoder();

/**
 * Encodes one frame.
 *
 * @param opcode One of {@linkcode WsOpcode}.
 * @param payload Bytes, or text that is encoded as UTF-8. Default: empty.
 * @param options Whether the frame ends its message, the masking key, and a buffer to use.
 * @returns The bytes of the frame.
 * @throws {RangeError} If the opcode is unknown, a control frame is fragmented or has more than 125
 * bytes, a frame is compressed that begins no message, or the key does not have four bytes.
 * @throws {TypeError} If an option has the wrong type.
 */
export function encodeWsFrame(
  opcode: number,
  payload: Uint8Array | string = NOTHING,
  options?: WsFrameOptions,
): Uint8Array<ArrayBuffer> {
  FRAME.checkBriefly("encodeWsFrame", options);
  const { fin = true, compressed = false, mask, memory } = options ?? NO_OPTIONS;
  const control = opcode >= 8;
  if (!Number.isInteger(opcode) || opcode < 0 || opcode > 10 || (opcode > 2 && !control)) {
    throw new RangeError(`Cannot encode a frame with the opcode ${opcode}: the opcode is unknown`);
  }
  if (mask !== undefined && mask.length !== 4) {
    throw new RangeError(`Cannot mask with a key of ${mask.length} bytes: a key has 4 bytes`);
  }
  if (compressed && opcode !== WsOpcode.text && opcode !== WsOpcode.binary) {
    throw new RangeError("Cannot encode a compressed frame that does not begin a message");
  }
  const first = (fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode;
  let frame = typeof payload === "string" ? asciiFrame(first, payload, mask, memory) : undefined;
  if (frame === undefined) {
    const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
    frame = withHead(first, bytes.length, mask, memory);
    frame.set(bytes, frame.length - bytes.length);
    if (mask !== undefined) xorKey(frame.subarray(frame.length - bytes.length), mask, 0);
  }
  if (control && (!fin || (frame[1]! & 0x7f) > 125)) {
    throw new RangeError("Cannot encode a fragmented control frame, or one above 125 bytes");
  }
  return frame;
}

/**
 * Encodes a close frame.
 *
 * @param code The close code. The default 1005 sends no code.
 * @param reason A text for the developers of the peer, at most 123 bytes. Default: empty.
 * @param options The masking key, for a client.
 * @returns The bytes of the frame.
 * @throws {RangeError} If the code may not be sent, or the reason is too long.
 */
export function encodeWsClose(
  code: number = CloseCode.none,
  reason = "",
  options?: Pick<WsFrameOptions, "mask">,
): Uint8Array<ArrayBuffer> {
  if (code === CloseCode.none && reason === "") {
    return encodeWsFrame(WsOpcode.close, NOTHING, options);
  }
  if (!isCloseCode(code)) {
    throw new RangeError(`Cannot close with ${code}: a close frame may not contain this code`);
  }
  const text = encoder.encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >> 8;
  payload[1] = code;
  payload.set(text, 2);
  return encodeWsFrame(WsOpcode.close, payload, options);
}

/** Returns the frame of an ASCII text, encoded without a copy; undefined for any other text. */
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

/** Returns a frame with its head, and room for a payload of `length` bytes. */
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
