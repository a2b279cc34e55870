/**
 * WebSocket frames as bytes (RFC 6455 §5): messages and control frames in both directions, without
 * any I/O. The key of a masked frame is the caller's to draw.
 *
 * The decoder is strict: masks as the role wants them, no reserved bits and opcodes, control frames
 * of at most 125 bytes in one piece, lengths in their shortest form, UTF-8, close codes that are
 * some. A message has a limit over all of its fragments, which is looked at before they come.
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

import type { WsMessage } from "./connection/options.ts";
import { isCloseCode, WsOpcode } from "./_frame_encoder.ts";
import { xorKey } from "./_frame_mask.ts";

export { encodeWsClose, encodeWsFrame, isCloseCode, WsOpcode } from "./_frame_encoder.ts";
export type { WsFrameOptions } from "./_frame_encoder.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What the decoder finds. */
export type WsFrameEvent =
  /** A whole message; bytes are the caller's own. */
  | { readonly kind: "message"; readonly data: WsMessage }
  /** A ping, to be answered with a pong of the same payload. */
  | { readonly kind: "ping"; readonly payload: Uint8Array<ArrayBuffer> }
  /** The answer to a ping, or one that nobody asked for. */
  | { readonly kind: "pong"; readonly payload: Uint8Array<ArrayBuffer> }
  /** The last frame; what comes behind it is thrown away. 1005 if it has no code. */
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

/** Frames that break the rules, or a limit. */
export class WsFrameError extends Error {
  /** Tells it from other errors. */
  override readonly name = "WsFrameError";

  /** Made by the decoder alone. */
  constructor(
    message: string,
    /** The code to close with: protocol error, no UTF-8, too many empty fragments, too large. */
    readonly code: 1002 | 1007 | 1008 | 1009,
  ) {
    super(message);
  }
}

/** Limits of {@linkcode WsFrameDecoder}. */
export interface WsFrameLimits {
  /**
   * The most bytes of a message, over all its fragments; Infinity for any.
   *
   * @default 1048576
   */
  maxMessageSize?: number;
}

/** The most empty fragments of a message: they cost, and no size counts them. */
const MAX_EMPTY = 1000;
/** The first buffer of a message whose size is not known yet. */
const SMALL = 256;

const NOTHING: Bytes = new Uint8Array(0);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Takes the frames of one direction apart.
 *
 * @example A server refuses what is not masked
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

  #frames = 0;
  #bytes: Bytes = NOTHING;
  #at = 0;
  #failure: WsFrameError | undefined;
  #closed = false;

  /** The opcode of the message that has begun; 0 for none. */
  #opcode = 0;
  /** Of the current frame: whether its head has been read, and what that says. */
  #inFrame = false;
  #fin = false;
  /** Its opcode if it is a control frame, or 0. */
  #control = 0;
  #left = 0;
  readonly #key = new Uint8Array(4);
  /** How far into the key the next byte of the payload is. */
  #keyAt = 0;

  /** What has come of a message, which is not whole. */
  #body: Bytes = NOTHING;
  #size = 0;
  #checked = 0;
  #empty = 0;
  #checker: TextDecoder | undefined;

  /**
   * Makes a decoder.
   *
   * @param role The side that receives: a server wants masked frames, a client bare ones.
   * @param limits How large a message may be.
   * @throws {RangeError} If the limit is no number from 0 up.
   */
  constructor(role: "server" | "client", limits: WsFrameLimits = {}) {
    const { maxMessageSize = 1024 * 1024 } = limits;
    if (typeof maxMessageSize !== "number" || !(maxMessageSize >= 0)) {
      throw new RangeError(
        `Cannot use maxMessageSize: it is a number from 0 up, not ${maxMessageSize}`,
      );
    }
    this.#masked = role === "server";
    this.#max = maxMessageSize;
  }

  /** Frames whose head has been read. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Adds bytes, which are the decoder's from now on: they are unmasked where they are.
   *
   * @param bytes What has come.
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
   * Finds the next message or control frame.
   *
   * @returns It, or undefined where more bytes are needed, and behind a close frame.
   * @throws {WsFrameError} If the peer breaks the rules or the limit; from then on always.
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

  /** Reads the head of a frame, once it is there. */
  #head(): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes.length - at < 2) return false;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const control = opcode >= 8;
    this.#fin = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) this.#fail("A reserved bit is set");
    if (opcode > 10 || (opcode > 2 && !control)) this.#fail(`The opcode ${opcode} is none`);
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
        opcode === 0 ? "Nothing is to be continued" : "A message begins inside of another",
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
      if (this.#size + length > this.#max) {
        this.#fail(`A message has more than ${this.#max} bytes`, 1009);
      }
      if (length === 0 && !this.#fin && ++this.#empty > MAX_EMPTY) {
        this.#fail(`A message has more than ${MAX_EMPTY} empty fragments`, 1008);
      }
      if (opcode !== 0) this.#opcode = opcode;
    }
    if (this.#masked) {
      for (let i = 0; i < 4; i++) this.#key[i] = bytes[at + size - 4 + i]!;
      this.#keyAt = 0;
    }
    this.#control = control ? opcode : 0;
    this.#left = length;
    this.#at = at + size;
    this.#inFrame = true;
    this.#frames++;
    return true;
  }

  /** Takes what has come of the payload of the current frame, which ends it if that is all. */
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
      return this.#message(text ? this.#lend(this.#left) : this.#take(this.#left));
    }
    this.#append(Math.min(there, this.#left));
    if (this.#left > 0) return undefined;
    if (this.#fin) {
      const body = this.#body;
      return this.#message(body.length === this.#size ? body : body.slice(0, this.#size));
    }
    this.#inFrame = false;
    if (text) this.#checkFragment();
    return undefined;
  }

  /** The next bytes of a payload, unmasked where they are. */
  #lend(size: number): Bytes {
    const bytes = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    this.#unmask(bytes);
    return bytes;
  }

  /** The next bytes of a payload, in memory of their own. */
  #take(size: number): Bytes {
    const bytes = this.#bytes.slice(this.#at, this.#at + size);
    this.#at += size;
    this.#unmask(bytes);
    return bytes;
  }

  /** Adds the next bytes to the message: memory grows with what comes, not with what is said. */
  #append(size: number): void {
    const need = this.#size + size;
    if (need > this.#body.length) {
      const most = this.#fin ? this.#size + this.#left : this.#max;
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
    xorKey(bytes, this.#key, this.#keyAt);
    this.#keyAt = (this.#keyAt + bytes.length) & 3;
  }

  /** A fragment of text must be right as far as it goes, so that nobody sends the rest in vain. */
  #checkFragment(): void {
    this.#checker ??= new TextDecoder("utf-8", { fatal: true });
    const fresh = this.#body.subarray(this.#checked, this.#size);
    this.#checked = this.#size;
    try {
      this.#checker.decode(fresh, { stream: true });
    } catch {
      this.#fail("A text is no UTF-8", 1007);
    }
  }

  #message(bytes: Bytes): WsFrameEvent {
    const text = this.#opcode === WsOpcode.text;
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

  #controlEvent(payload: Bytes): WsFrameEvent {
    if (this.#control === WsOpcode.ping) return { kind: "ping", payload };
    if (this.#control === WsOpcode.pong) return { kind: "pong", payload };
    this.#closed = true;
    if (payload.length === 0) return { kind: "close", code: 1005, reason: "" };
    if (payload.length === 1) this.#fail("A close code has one byte");
    const code = payload[0]! << 8 | payload[1]!;
    if (!isCloseCode(code)) this.#fail(`The close code ${code} is none`);
    return {
      kind: "close",
      code,
      reason: this.#text(payload.subarray(2), "The reason of a close"),
    };
  }

  #text(bytes: Bytes, what: string): string {
    // The strict one takes ten times as long; it has the last word where something was replaced.
    const text = utf8.decode(bytes);
    if (!text.includes("\ufffd")) return text;
    try {
      return strictUtf8.decode(bytes);
    } catch {
      return this.#fail(`${what} is no UTF-8`, 1007);
    }
  }

  /** Makes what is left ours, and lets go of what is used up. */
  #starve(): undefined {
    this.#bytes = this.#at === this.#bytes.length ? NOTHING : this.#bytes.slice(this.#at);
    this.#at = 0;
    return undefined;
  }

  #fail(message: string, code: WsFrameError["code"] = 1002): never {
    this.#failure = new WsFrameError(message, code);
    this.#bytes = this.#body = NOTHING;
    this.#at = this.#size = 0;
    throw this.#failure;
  }
}
