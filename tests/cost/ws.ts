/** The functions of `ws` that take bytes of a peer. @module */

import { encodeWsFrame, WsFrameDecoder, WsFrameError, WsOpcode } from "../../ws/frame_codec.ts";
import { upgrade } from "../../ws/server/upgrade.ts";
import { bytesOf, type CostRow } from "../_support/cost.ts";

/** A message may be longer; this size tells the growth as well. */
const MUCH = 256 * 1024;

/** Pushes all that a server sends and takes what the decoder makes of it. */
function decode(bytes: Uint8Array<ArrayBuffer>, step = Infinity): void {
  const decoder = new WsFrameDecoder("client", { maxMessageSize: MUCH });
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.slice(at, Math.min(bytes.length, at + step)));
    while (decoder.next() !== undefined);
  }
}

/** The frame of a text. */
function frame(opcode: number, text: string, fin = true): Uint8Array<ArrayBuffer> {
  return encodeWsFrame(opcode, bytesOf(text), { fin });
}

const FRAMES: CostRow[] = [
  {
    name: "WsFrameDecoder of any bytes",
    throws: [WsFrameError],
    valid: "\x81\x01a",
    covers: ["WsFrameDecoder"],
    limit: MUCH,
    alphabet: "bytes",
    units: ["\x81\0", "\x81\x01a", "\x89\0", "\x01\0\x80\0", "\x82\x01a", "\x01\x01a\x80\x01b"],
    around: [["\x01\0", ""], ["\x01\x01a", ""]],
    run: (text) => decode(bytesOf(text)),
  },
  {
    name: "WsFrameDecoder of one text",
    throws: [WsFrameError],
    limit: MUCH,
    alphabet: "bytes",
    run: (text) => decode(frame(WsOpcode.text, text)),
  },
  {
    name: "WsFrameDecoder of one text, byte by byte",
    limit: 64 * 1024,
    only: true,
    units: ["a", "\xe4"],
    run: (text) => decode(frame(WsOpcode.binary, text), 1),
  },
  {
    name: "WsFrameDecoder of one text in fragments of a byte",
    throws: [WsFrameError],
    limit: 64 * 1024,
    only: true,
    units: ["a", "\xc3\xa4", "\xf0\x9f\x94\x91"],
    run: (text) => {
      const decoder = new WsFrameDecoder("client");
      for (let i = 0; i < text.length; i++) {
        const opcode = i === 0 ? WsOpcode.text : WsOpcode.continuation;
        decoder.push(frame(opcode, text[i]!, i === text.length - 1));
        decoder.next();
      }
    },
  },
];

/** A handshake whose other fields are right; it is refused at last, so that nothing is opened. */
function handshake(name: string, more: Partial<CostRow> = {}): CostRow {
  const good = {
    upgrade: "websocket",
    connection: "upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  return {
    name: `upgrade() with a hostile ${name}`,
    valid: "a",
    limit: 64 * 1024,
    alphabet: "field",
    around: [["a, ", ", b"]],
    run: async (value) => {
      const headers = new Headers({ ...good, [name]: value });
      const request = { method: "GET", url: "http://h/", headers, signal: NEVER } as Request;
      const { response } = await upgrade(request, INFO, {
        protocols: ["a"],
        authorize: () => new Response(null, { status: 403 }),
      });
      await response.body?.cancel();
    },
    ...more,
  };
}

const NEVER = new AbortController().signal;
const INFO = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;

/** All of them. */
export const ROWS: readonly CostRow[] = [
  ...FRAMES,
  handshake("upgrade"),
  handshake("connection"),
  handshake("sec-websocket-version"),
  handshake("sec-websocket-key"),
  handshake("sec-websocket-protocol"),
  handshake("sec-websocket-extensions"),
  handshake("origin", { around: [["http://", ""], ["http://a:", ""]] }),
];
