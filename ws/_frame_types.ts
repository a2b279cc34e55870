import type { WsMessage } from "./connection/options.ts";

/** A message or control frame that the decoder found. */
export type WsFrameEvent =
  /** A complete message. The caller owns the bytes. */
  | { readonly kind: "message"; readonly data: WsMessage }
  /** A ping. The answer is a pong with the same payload. */
  | { readonly kind: "ping"; readonly payload: Uint8Array<ArrayBuffer> }
  /** A pong, solicited or not. */
  | { readonly kind: "pong"; readonly payload: Uint8Array<ArrayBuffer> }
  /** The close frame. The decoder discards all later bytes. The code is 1005 if the frame has none. */
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

/** The error for a frame that violates the protocol or a limit. */
export class WsFrameError extends Error {
  /** The name of the class. */
  override readonly name = "WsFrameError";

  /** Creates an error; the decoder does this. */
  constructor(
    message: string,
    /**
     * The code to close with: 1002 protocol error, 1007 invalid UTF-8, 1008 too many empty
     * fragments, 1009 message too large.
     */
    readonly code: 1002 | 1007 | 1008 | 1009,
  ) {
    super(message);
  }
}

/** Limits of {@linkcode WsFrameDecoder}. */
export interface WsFrameLimits {
  /**
   * Largest message in bytes, all fragments together. Infinity lifts the limit.
   *
   * @default 1048576
   */
  maxMessageSize?: number;
  /**
   * Decompresses the payload of a message whose first frame has the bit RSV1 (RFC 7692 §6.2), if the
   * connection has agreed on that. It returns undefined for a message above `most` bytes, and throws
   * if the payload is malformed. The decoder then fails with 1009 or 1007.
   *
   * @default a frame with RSV1 violates the protocol
   */
  inflate?: WsInflate;
}

/** Decompresses the payload of one message, up to `most` bytes. */
export type WsInflate = (
  payload: Uint8Array<ArrayBuffer>,
  most: number,
) => Uint8Array<ArrayBuffer> | undefined;
