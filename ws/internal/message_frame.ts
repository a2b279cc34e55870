/** Frames that one side sends. A broadcast shares one frame; buffers of large frames are reused. */

import type { WsMessage } from "../connection/options.ts";
import { encodeWsClose, encodeWsFrame, type WsFrameOptions, WsOpcode } from "../frame_codec.ts";
import { briefBytes } from "../../net/internal/brief_bytes.ts";
import type { MessageDeflater } from "./message_deflate.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size in bytes from which allocating a frame costs as much as filling it. */
const LARGE = 16 * 1024;
/** Limits in bytes of all buffers kept for reuse, and of one of them. */
const MOST = 4 * 1024 * 1024, LARGEST = 128 * 1024;

/** The message of the current broadcast, and its frames, by compression, once members need them. */
let shared: WsMessage | undefined;
let sharedFrames = new Map<string, Bytes>();

/** Size in bytes of the largest head of a frame. */
const MAX_HEAD = 14;

const spare: Bytes[] = [];
let spareBytes = 0;

const encoder = new TextEncoder();

/** Unpredictable masking keys (RFC 6455 §5.3), fetched in bulk. */
const keys: Bytes = new Uint8Array(4096);
let nextKey = keys.length;

/** Calls `send`. While it runs, all connections that send `data` share one frame. */
export function shareFrame<T>(data: WsMessage, send: () => T): T {
  const outer = shared;
  const outerFrames = sharedFrames;
  shared = data;
  sharedFrames = new Map();
  try {
    return send();
  } finally {
    shared = outer;
    sharedFrames = outerFrames;
  }
}

/** The compression of one connection. */
export interface FrameCompression {
  readonly deflater: MessageDeflater;
  /** Smallest message that is compressed. */
  readonly threshold: number;
}

/** Encodes the frames of one side of a connection. */
export class FrameEncoder {
  readonly #masks: boolean;
  readonly #compression: FrameCompression | undefined;

  /** Takes whether this side masks its frames, and its compression. */
  constructor(masks: boolean, compression?: FrameCompression) {
    this.#masks = masks;
    this.#compression = compression;
  }

  /** Returns the frame that all connections of the current broadcast share; undefined for others. */
  shared(data: WsMessage): Bytes | undefined {
    if (data !== shared || this.#masks) return undefined;
    const compression = this.#compressionOf(data);
    const name = compression?.deflater.name ?? "";
    let frame = sharedFrames.get(name);
    if (frame === undefined) {
      frame = compression === undefined
        ? this.message(data)
        : this.#compressed(data, compression.deflater.deflateAlone(bytesOf(data)));
      sharedFrames.set(name, frame);
    }
    compression?.deflater.release();
    return frame;
  }

  /** Returns the frame of a message. */
  message(data: WsMessage, memory?: Bytes): Bytes {
    const compression = this.#compressionOf(data);
    if (compression !== undefined) {
      return this.#compressed(data, compression.deflater.deflate(bytesOf(data)));
    }
    return encodeWsFrame(opcodeOf(data), data, this.#options(memory));
  }

  /** Returns the frame of a message that is sent at once. */
  brief(data: WsMessage): Bytes {
    return this.message(data, briefBytes(data.length + MAX_HEAD));
  }

  /** Returns whether a buffer for reuse makes the frame of a message cheaper. */
  borrows(data: WsMessage): boolean {
    return data.length >= LARGE && this.#compressionOf(data) === undefined;
  }

  /** Encodes a large message into a reused buffer. Call {@linkcode giveBack} once it is sent. */
  borrow(data: WsMessage): Bytes {
    const memory = spare.pop();
    if (memory !== undefined) spareBytes -= memory.length;
    return this.message(data, memory);
  }

  /** Returns a control frame. */
  control(opcode: number, payload: Uint8Array | string): Bytes {
    return encodeWsFrame(opcode, payload, this.#options());
  }

  /** Returns a close frame. */
  close(code: number, reason: string): Bytes {
    return encodeWsClose(code, reason, this.#options());
  }

  /** Releases the memory of the compressor. */
  release(): void {
    this.#compression?.deflater.release();
  }

  #compressionOf(data: WsMessage): FrameCompression | undefined {
    const compression = this.#compression;
    return compression && data.length >= compression.threshold ? compression : undefined;
  }

  #compressed(data: WsMessage, payload: Bytes): Bytes {
    return encodeWsFrame(opcodeOf(data), payload, { ...this.#options(), compressed: true });
  }

  #options(memory?: Bytes): WsFrameOptions | undefined {
    if (this.#masks) return { mask: maskingKey(), ...memory && { memory } };
    return memory && { memory };
  }
}

/** Keeps the buffer of a sent frame for reuse. */
export function giveBack({ buffer }: Bytes): void {
  const size = buffer.byteLength;
  if (size > LARGEST || spareBytes + size > MOST) return;
  spareBytes += size;
  spare.push(new Uint8Array(buffer));
}

/** Returns a fresh key; the next calls overwrite it at some time. */
function maskingKey(): Bytes {
  if (nextKey === keys.length) {
    crypto.getRandomValues(keys);
    nextKey = 0;
  }
  return keys.subarray(nextKey, nextKey += 4);
}

function opcodeOf(data: WsMessage): number {
  return typeof data === "string" ? WsOpcode.text : WsOpcode.binary;
}

function bytesOf(data: WsMessage): Bytes {
  return typeof data === "string" ? encoder.encode(data) : data;
}
