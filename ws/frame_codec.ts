/**
 * Encodes and decodes WebSocket frames (RFC 6455 §5): messages and control frames in both
 * directions, without any I/O. The caller chooses the key of a masked frame.
 *
 * The decoder is strict. It requires the masking of its role, known opcodes, no reserved bits,
 * unfragmented control frames of at most 125 bytes, lengths in their shortest form, valid UTF-8 and
 * valid close codes. The size limit covers all fragments of a message. The decoder checks it when a
 * frame head arrives, before it stores the payload.
 *
 * @example A message in two fragments, and a ping between them
 * ```ts
 * import { encodeWsFrame, WsFrameDecoder, WsOpcode } from "@portside/kit/ws/frame-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new WsFrameDecoder("client");
 * decoder.push(encodeWsFrame(WsOpcode.text, "hel", { fin: false }));
 * decoder.push(encodeWsFrame(WsOpcode.ping, "there?"));
 * decoder.push(encodeWsFrame(WsOpcode.continuation, "lo"));
 * const kinds = [];
 * for (let event; (event = decoder.next()) !== undefined;) kinds.push(event.kind);
 * assertEquals(kinds, ["ping", "message"]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { callback, count, OptionRules } from "../net/internal/options.ts";
import { WsOpcode } from "./_frame_encoder.ts";
import { xorKey } from "./_frame_mask.ts";
import {
  WsFrameError,
  type WsFrameEvent,
  type WsFrameLimits,
  type WsInflate,
} from "./_frame_types.ts";
import { CloseCode, isCloseCode } from "./internal/close_codes.ts";
import { MAX_MESSAGE_SIZE } from "./internal/option_rules.ts";

export {
  WsFrameError,
  type WsFrameEvent,
  type WsFrameLimits,
  type WsInflate,
} from "./_frame_types.ts";
export { encodeWsClose, encodeWsFrame, WsOpcode } from "./_frame_encoder.ts";
export type { WsFrameOptions } from "./_frame_encoder.ts";
export { isCloseCode } from "./internal/close_codes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const LIMITS = new OptionRules<WsFrameLimits>({ maxMessageSize: count, inflate: callback });

/** Most empty fragments of a message. They cost time, and the size limit does not count them. */
const MAX_EMPTY = 1000;
/** Bytes by which DEFLATE enlarges a message that it cannot compress, at most, per byte and in all. */
const SWELL_RATIO = 1 / 16, SWELL = 1024;
/**
 * Most unchecked bytes of an incomplete frame whose UTF-8 is checked as they arrive. The check costs
 * more than the rest of the decoding, so what comes in larger pieces is checked once, at the end.
 */
const FEW = 4096;
/** Size of the first buffer of a message whose size is not known yet, in bytes. */
const SMALL = 256;

/** The key of the frame in hand. All decoders share it. */
const KEY: Bytes = new Uint8Array(4);
const NOTHING: Bytes = new Uint8Array(0);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes the frames of one direction.
 *
 * @example A server refuses a frame without a mask
 * ```ts
 * import { encodeWsFrame, WsFrameDecoder, WsFrameError, WsOpcode } from "@portside/kit/ws/frame-codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new WsFrameDecoder("server");
 * decoder.push(encodeWsFrame(WsOpcode.text, "bare"));
 * assertEquals(assertThrows(() => decoder.next(), WsFrameError).code, 1002);
 * ```
 */
export class WsFrameDecoder {
  readonly #masked: boolean;
  readonly #max: number;
  readonly #inflate: WsInflate | undefined;

  #frames = 0;
  #bytes: Bytes = NOTHING;
  #at = 0;
  #failure: WsFrameError | undefined;
  #closed = false;

  /** The opcode of the incomplete message; 0 if there is none. */
  #opcode = 0;
  /** Whether the incomplete message is compressed. */
  #compressed = false;
  /** Whether the head of the current frame has been read. */
  #inFrame = false;
  #fin = false;
  /** The opcode of the current frame if it is a control frame, otherwise 0. */
  #control = 0;
  #left = 0;
  /** The masking key of the frame, as a number: an array would be half the size of the decoder. */
  #key = 0;
  /** Position in the key for the next byte of the payload. */
  #keyAt = 0;

  /** The part of the incomplete message that has arrived. */
  #body: Bytes = NOTHING;
  #size = 0;
  #checked = 0;
  #empty = 0;
  #checker: TextDecoder | undefined;

  /**
   * Creates a decoder.
   *
   * @param role The receiving side. A server requires masked frames, a client unmasked ones.
   * @param limits The largest message, in bytes.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(role: "server" | "client", limits: WsFrameLimits = {}) {
    limits = LIMITS.check("WsFrameDecoder", limits);
    this.#masked = role === "server";
    this.#max = limits.maxMessageSize ?? MAX_MESSAGE_SIZE;
    this.#inflate = limits.inflate;
  }

  /** Number of frames whose head has been read. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Bytes of the incomplete message that have arrived, without frame heads. Undefined between two
   * messages, unless a part of a frame has arrived. Valid after `next()` has returned undefined.
   */
  get partial(): number | undefined {
    const between = this.#opcode === 0 && !this.#inFrame && this.#at === this.#bytes.length;
    return between || this.#closed ? undefined : this.#size;
  }

  /**
   * Adds received bytes. The decoder owns them from now on and removes the mask in place.
   *
   * @param bytes The next bytes from the peer.
   */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    const kept = this.#bytes.length - this.#at;
    if (kept === 0) this.#bytes = bytes;
    else {
      const joined = new Uint8Array(kept + bytes.length);
      joined.set(this.#bytes.subarray(this.#at));
      joined.set(bytes, kept);
      this.#bytes = joined;
    }
    this.#at = 0;
  }

  /**
   * Returns the next message or control frame.
   *
   * @returns The event. Undefined if more bytes are needed, and always after a close frame.
   * @throws {WsFrameError} If the peer violates the protocol or a limit. Later calls throw again.
   */
  next(): WsFrameEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    while (!this.#closed) {
      if (!this.#inFrame && !this.#head()) return this.#starve();
      const event = this.#payload();
      if (event !== undefined) return event;
      if (this.#inFrame) return this.#starve();
    }
    this.#bytes = NOTHING;
    this.#at = 0;
    return undefined;
  }

  /** Reads the head of a frame; returns false if it is not complete. */
  #head(): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes.length - at < 2) return false;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const control = opcode >= 8;
    this.#fin = (first & 0x80) !== 0;
    const rsv1 = (first & 0x40) !== 0 && this.#inflate !== undefined &&
      (opcode === 1 || opcode === 2);
    if ((first & (rsv1 ? 0x30 : 0x70)) !== 0) this.#fail("A reserved bit is set");
    if (opcode > 10 || (opcode > 2 && !control)) this.#fail(`The opcode ${opcode} is unknown`);
    if ((second & 0x80) !== 0 !== this.#masked) {
      this.#fail(
        this.#masked ? "A frame of a client is not masked" : "A frame of a server is masked",
      );
    }
    let length = second & 0x7f;
    if (control && length > 125) this.#fail("A control frame has more than 125 bytes");
    if (control && !this.#fin) this.#fail("A control frame is fragmented");
    if (!control && (opcode === 0) !== (this.#opcode !== 0)) {
      this.#fail(
        opcode === 0
          ? "A continuation frame has no message to continue"
          : "A message begins before the previous one has ended",
      );
    }
    const extra = length === 126 ? 2 : length === 127 ? 8 : 0;
    const size = 2 + extra + (this.#masked ? 4 : 0);
    if (bytes.length - at < size) return false;
    if (extra > 0) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at + 2, extra);
      const high = extra === 8 ? view.getUint32(0) : 0;
      if (high >= 2 ** 31) this.#fail("A length has its first bit set");
      length = extra === 2 ? view.getUint16(0) : high * 2 ** 32 + view.getUint32(4);
      if (length < (extra === 2 ? 126 : 65_536)) this.#fail("A length is not in its shortest form");
    }
    if (!control) {
      if (opcode !== 0) {
        this.#opcode = opcode;
        this.#compressed = rsv1;
      }
      const most = this.#compressed ? this.#max * (1 + SWELL_RATIO) + SWELL : this.#max;
      if (this.#size + length > most) this.#failTooLarge();
      if (length === 0 && !this.#fin && ++this.#empty > MAX_EMPTY) {
        this.#fail(
          `A message has more than ${MAX_EMPTY} empty fragments`,
          CloseCode.policyViolation,
        );
      }
    }
    if (this.#masked) {
      const from = at + size - 4;
      this.#key = bytes[from]! << 24 | bytes[from + 1]! << 16 | bytes[from + 2]! << 8 |
        bytes[from + 3]!;
      this.#keyAt = 0;
    }
    this.#control = control ? opcode : 0;
    this.#left = length;
    this.#at = at + size;
    this.#inFrame = true;
    this.#frames++;
    return true;
  }

  /** Reads the available payload of the current frame; the frame ends when its payload is complete. */
  #payload(): WsFrameEvent | undefined {
    const there = this.#bytes.length - this.#at;
    const whole = there >= this.#left;
    if (this.#control !== 0) {
      if (!whole) return undefined;
      this.#inFrame = false;
      return this.#controlEvent(this.#take(this.#left));
    }
    const text = this.#opcode === WsOpcode.text;
    if (whole && this.#fin && this.#size === 0) {
      const copies = text || this.#compressed;
      return this.#message(copies ? this.#lend(this.#left) : this.#take(this.#left));
    }
    this.#append(Math.min(there, this.#left));
    if (this.#left > 0) {
      const fresh = this.#size - this.#checked;
      if (text && !this.#compressed && fresh > 0 && fresh <= FEW) this.#checkText();
      return undefined;
    }
    if (this.#fin) {
      const body = this.#body;
      return this.#message(body.length === this.#size ? body : body.slice(0, this.#size));
    }
    this.#inFrame = false;
    if (text && !this.#compressed) this.#checkText();
    return undefined;
  }

  /** Returns the next bytes of a payload, unmasked in place. */
  #lend(size: number): Bytes {
    const bytes = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    this.#unmask(bytes);
    return bytes;
  }

  /** Returns a copy of the next bytes of a payload, unmasked. */
  #take(size: number): Bytes {
    const bytes = this.#bytes.slice(this.#at, this.#at + size);
    this.#at += size;
    this.#unmask(bytes);
    return bytes;
  }

  /** Appends to the message. The buffer grows with received bytes, not with the declared length. */
  #append(size: number): void {
    const need = this.#size + size;
    if (need > this.#body.length) {
      const most = this.#fin ? this.#size + this.#left : Math.max(this.#max, need);
      const room = Math.min(Math.max(need * 2, SMALL), most);
      const body = new Uint8Array(room);
      body.set(this.#body.subarray(0, this.#size));
      this.#body = body;
    }
    this.#body.set(this.#lend(size), this.#size);
    this.#size = need;
    this.#left -= size;
  }

  #unmask(bytes: Bytes): void {
    if (!this.#masked) return;
    for (let i = 0; i < 4; i++) KEY[i] = this.#key >>> (24 - 8 * i);
    xorKey(bytes, KEY, this.#keyAt);
    this.#keyAt = (this.#keyAt + bytes.length) & 3;
  }

  /** Checks the UTF-8 of the bytes since the last check, so that an invalid text fails before its end. */
  #checkText(): void {
    this.#checker ??= new TextDecoder("utf-8", { fatal: true });
    const fresh = this.#body.subarray(this.#checked, this.#size);
    this.#checked = this.#size;
    try {
      this.#checker.decode(fresh, { stream: true });
    } catch {
      this.#fail("A text is not valid UTF-8", CloseCode.invalidText);
    }
  }

  #message(payload: Bytes): WsFrameEvent {
    const text = this.#opcode === WsOpcode.text;
    const bytes = this.#compressed ? this.#inflated(payload) : payload;
    this.#opcode =
      this.#size =
      this.#checked =
      this.#empty =
        0;
    this.#body = NOTHING;
    this.#checker = undefined;
    this.#inFrame = false;
    return { kind: "message", data: text ? this.#text(bytes, "A text") : bytes };
  }

  #inflated(payload: Bytes): Bytes {
    let bytes: Bytes | undefined;
    try {
      bytes = this.#inflate!(payload, this.#max);
    } catch {
      this.#fail("A compressed message is malformed", CloseCode.invalidText);
    }
    return bytes ?? this.#failTooLarge();
  }

  #controlEvent(payload: Bytes): WsFrameEvent {
    if (this.#control === WsOpcode.ping) return { kind: "ping", payload };
    if (this.#control === WsOpcode.pong) return { kind: "pong", payload };
    this.#closed = true;
    if (payload.length === 0) return { kind: "close", code: CloseCode.none, reason: "" };
    if (payload.length === 1) this.#fail("A close code has one byte");
    const code = payload[0]! << 8 | payload[1]!;
    if (!isCloseCode(code)) this.#fail(`The close code ${code} is invalid`);
    return {
      kind: "close",
      code,
      reason: this.#text(payload.subarray(2), "The reason of a close"),
    };
  }

  #text(bytes: Bytes, what: string): string {
    // The strict decoder takes ten times as long, so it only decides about texts with U+FFFD.
    const text = utf8.decode(bytes);
    if (!text.includes("\ufffd")) return text;
    try {
      return strictUtf8.decode(bytes);
    } catch {
      return this.#fail(`${what} is not valid UTF-8`, CloseCode.invalidText);
    }
  }

  /** Copies the unread bytes, so that the chunk of the caller can be released. */
  #starve(): undefined {
    this.#bytes = this.#at === this.#bytes.length ? NOTHING : this.#bytes.slice(this.#at);
    this.#at = 0;
    return undefined;
  }

  #failTooLarge(): never {
    this.#fail(`A message has more than ${this.#max} bytes`, CloseCode.tooLarge);
  }

  #fail(message: string, code: WsFrameError["code"] = CloseCode.protocolError): never {
    this.#failure = new WsFrameError(message, code);
    this.#bytes = this.#body = NOTHING;
    this.#at = this.#size = 0;
    throw this.#failure;
  }
}
