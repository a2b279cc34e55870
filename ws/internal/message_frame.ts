/** Frames of what a server sends: one for all of a broadcast, large ones in memory used again. */

import type { WsMessage } from "../connection/options.ts";
import { encodeWsFrame, WsOpcode } from "../frame_codec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes from which on new memory for a frame costs as much as what goes into it. */
export const LARGE = 16 * 1024;
/** The most bytes of memory that waits to be used again, and of one piece of it. */
const MOST = 4 * 1024 * 1024, LARGEST = 128 * 1024;

/** What is being sent to many, and its frame once one of them has needed it. */
let shared: WsMessage | undefined;
let sharedFrame: Bytes | undefined;

const spare: Bytes[] = [];
let spareBytes = 0;

/** Calls `send`, in which all that send `data` have one frame in common. */
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

/** The frame of a message that goes to others, too, not to be changed; undefined for any other. */
export function sharedFrameOf(data: WsMessage): Bytes | undefined {
  return data === shared ? sharedFrame ??= frameOf(data) : undefined;
}

/** The frame of a message. */
export function frameOf(data: WsMessage, memory?: Bytes): Bytes {
  const opcode = typeof data === "string" ? WsOpcode.text : WsOpcode.binary;
  return encodeWsFrame(opcode, data, memory && { memory });
}

/** The frame of a large message, whose memory is to be given back. */
export function borrowFrame(data: WsMessage): Bytes {
  const memory = spare.pop();
  if (memory !== undefined) spareBytes -= memory.length;
  return frameOf(data, memory);
}

/** Gives the memory of a frame back once it has been sent. */
export function giveBack({ buffer }: Bytes): void {
  const size = buffer.byteLength;
  if (size > LARGEST || spareBytes + size > MOST) return;
  spareBytes += size;
  spare.push(new Uint8Array(buffer));
}
