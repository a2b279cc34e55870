/** The codecs of `ws` as targets. @module */

import { encodeWsFrame, WsFrameDecoder, WsFrameError, WsOpcode } from "../../../ws/frame_codec.ts";
import { agreedDeflate, answerDeflate, offerDeflate } from "../../../ws/internal/deflate_offer.ts";
import { MessageDeflater, MessageInflater } from "../../../ws/internal/message_deflate.ts";
import { bytesOf } from "../../_support/cost.ts";
import { textOf } from "../../_support/http1.ts";
import type { FuzzTarget } from "../target.ts";

const BYTES = { alphabet: "bytes", limit: 16 * 1024 } as const;
const MASK = "\x01\x02\x03\x04";

const FRAMES: readonly FuzzTarget[] = (["client", "server"] as const).flatMap((role) =>
  [false, true].map((compressed): FuzzTarget => ({
    ...BYTES,
    name: `WsFrameDecoder in pieces, ${role}${compressed ? ", compressed" : ""}`,
    seeds: role === "client"
      ? [
        "\x81\x05hello",
        "\x01\x02ab\x80\x01c\x89\0\x8a\x01p",
        "\x82\x7e\0\x80" + "x".repeat(128),
        "\x88\x02\x03\xe8",
        "\x81\x7f\0\0\0\0\0\0\0\x01a",
        "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0",
        "\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\0",
      ]
      : [
        `\x81\x85${MASK}hello`,
        `\x01\x82${MASK}ab\x80\x81${MASK}c\x89\x80${MASK}`,
        `\x88\x82${MASK}\x02\xea`,
        `\x82\xfe\0\x7e${MASK}${"y".repeat(126)}`,
        `\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0`,
      ],
    words: [
      "\x81\x01a",
      "\x80\0",
      "\x89\x80",
      "\x88\x02\x03\xe8",
      "\x7e\0\x7e",
      "\xff",
      "\xf0\x9f",
      MASK,
    ],
    throws: [WsFrameError],
    stream: true,
    read: (pieces) => {
      const inflater = new MessageInflater({ windowBits: 15, takeover: true });
      const decoder = new WsFrameDecoder(role, {
        maxMessageSize: 1000,
        ...(compressed && { inflate: (payload, most) => inflater.inflate(payload, most) }),
      });
      const events: unknown[] = [];
      try {
        for (const piece of pieces) {
          decoder.push(bytesOf(piece));
          for (let event; (event = decoder.next()) !== undefined;) {
            events.push(structuredClone(event));
          }
        }
        return events;
      } finally {
        inflater.release();
      }
    },
  }))
);

const VALUES: readonly FuzzTarget[] = [
  {
    ...BYTES,
    name: "encodeWsFrame() and WsFrameDecoder",
    seeds: ["", "a", "x".repeat(126), "y".repeat(70_000)],
    read: ([input]) => {
      for (const mask of [undefined, 0x01020304]) {
        const decoder = new WsFrameDecoder(mask === undefined ? "client" : "server");
        decoder.push(
          encodeWsFrame(
            WsOpcode.binary,
            bytesOf(input!),
            mask === undefined ? {} : { mask: bytesOf(MASK) },
          ),
        );
        const event = decoder.next();
        if (event?.kind !== "message" || textOf(event.data as Uint8Array) !== input) {
          throw new Error(Deno.inspect(event));
        }
      }
    },
  },
  ...[false, true].map((takeover): FuzzTarget => ({
    ...BYTES,
    name: `MessageDeflater and MessageInflater${takeover ? ", with a window" : ""}`,
    seeds: ["", "a", "hello hello hello", "x".repeat(1000)],
    read: ([input]) => {
      const context = { windowBits: 9, takeover };
      const deflater = new MessageDeflater(context, 6);
      const inflater = new MessageInflater(context);
      try {
        for (let i = 0; i < 2; i++) {
          const payload = deflater.deflate(bytesOf(input!));
          const message = inflater.inflate(payload, 1 << 20);
          if (message === undefined || textOf(message) !== input) {
            throw new Error("It is another one");
          }
        }
      } finally {
        deflater.release();
        inflater.release();
      }
    },
  })),
  {
    ...BYTES,
    name: "MessageInflater of any payload",
    seeds: ["\xf2\x48\xcd\xc9\xc9\x07\0", "\0", "\x03\0", "\xf2\x48\xcd\xc9\xc9\x07\0\0\0\xff\xff"],
    throws: [TypeError],
    read: ([input]) => {
      const inflater = new MessageInflater({ windowBits: 15, takeover: false });
      const message = inflater.inflate(bytesOf(input!), 100_000);
      return message && textOf(message);
    },
  },
  {
    alphabet: "field",
    limit: 2000,
    name: "answerDeflate() and agreedDeflate()",
    seeds: [
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits",
      "permessage-deflate; server_max_window_bits=10; server_no_context_takeover, x; y=z",
      'permessage-deflate; client_max_window_bits="9"',
    ],
    words: [";", ",", "=", "client_max_window_bits", "server_no_context_takeover", "15", "8"],
    throws: [TypeError],
    read: ([text]) => {
      const answer = answerDeflate(text!);
      // A client must accept what a server answers to its own offer.
      const own = answerDeflate(offerDeflate());
      agreedDeflate(own!.header, {});
      return [answer, agreedDeflate(text!, {})];
    },
  },
];

/** All of them. */
export const WS_TARGETS: readonly FuzzTarget[] = [...FRAMES, ...VALUES];
