/** Frames that a server sends. A broadcast shares one frame; buffers of large frames are reused. */

import type { WsMessage } from "../connection/options.ts";
import { encodeWsFrame, WsOpcode } from "../frame_codec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size in bytes from which allocating a frame costs as much as filling it. */
export const LARGE = 16 * 1024;
/** Limits in bytes of all buffers kept for reuse, and of one of them. */
const MOST = 4 * 1024 * 1024, LARGEST = 128 * 1024;

/** The message of the current broadcast, and its frame once a member has needed it. */
let shared: WsMessage | undefined;
let sharedFrame: Bytes | undefined;

const spare: Bytes[] = [];
let spareBytes = 0;

/** Calls `send`. While it runs, all connections that send `data` share one frame. */
export function shareFrame<T>(data: WsMessage, send: () => T): T {
  const outer = shared;
  const outerFrame = sharedFrame;
  shared = data;
  sharedFrame = undefined;
  try {
    return send();
  } finally {
    shared = outer;
    sharedFrame = outerFrame;
  }
}

/** Returns the shared frame of the current broadcast; undefined for any other message. */
export function sharedFrameOf(data: WsMessage): Bytes | undefined {
  return data === shared ? sharedFrame ??= frameOf(data) : undefined;
}

/** Encodes the frame of a message. */
export function frameOf(data: WsMessage, memory?: Bytes): Bytes {
  const opcode = typeof data === "string" ? WsOpcode.text : WsOpcode.binary;
  return encodeWsFrame(opcode, data, memory && { memory });
}

/** Encodes a large message into a reused buffer. Call {@linkcode giveBack} once it is sent. */
export function borrowFrame(data: WsMessage): Bytes {
  const memory = spare.pop();
  if (memory !== undefined) spareBytes -= memory.length;
  return frameOf(data, memory);
}

/** Keeps the buffer of a sent frame for reuse. */
export function giveBack({ buffer }: Bytes): void {
  const size = buffer.byteLength;
  if (size > LARGEST || spareBytes + size > MOST) return;
  spareBytes += size;
  spare.push(new Uint8Array(buffer));
}
