/** One frame for all who are sent the same message at once. */

import type { WsMessage } from "./connection_options.ts";
import { encodeWsFrame, WsOpcode } from "./frame_codec.ts";

/** What is being sent to many, and its frame once one of them has needed it. */
let shared: WsMessage | undefined;
let sharedFrame: Uint8Array<ArrayBuffer> | undefined;

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

/** The frame of a message from a server, not to be changed. */
export function frameOf(data: WsMessage): Uint8Array<ArrayBuffer> {
  if (data === shared) return sharedFrame ??= encodeMessage(data);
  return encodeMessage(data);
}

function encodeMessage(data: WsMessage): Uint8Array<ArrayBuffer> {
  return encodeWsFrame(typeof data === "string" ? WsOpcode.text : WsOpcode.binary, data);
}
