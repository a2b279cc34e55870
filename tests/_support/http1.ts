/** What the tests of HTTP/1.1 as bytes share. @module */

import { Http1Decoder, type Http1DecoderOptions, Http1Error } from "../../http/http1/codec.ts";

/** The bytes of a text, one a character. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Returns the bytes as one character each. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return text;
}

/** Returns the bytes of a head: its first line, its fields and the empty line. */
export function encodeHead(first: string, fields: Iterable<[string, string]>): Uint8Array {
  return bytesOf(`${first}\r\n${linesOf(fields)}\r\n`);
}

/** Returns the bytes of one chunk of a chunked body; none without data. */
export function encodeChunk(data: Uint8Array): Uint8Array {
  if (data.length === 0) return data;
  return bytesOf(`${data.length.toString(16)}\r\n${textOf(data)}\r\n`);
}

/** Returns the bytes of the last chunk, with the trailers. */
export function encodeEnd(trailers: Iterable<[string, string]>): Uint8Array {
  return bytesOf(`0\r\n${linesOf(trailers)}\r\n`);
}

function linesOf(fields: Iterable<[string, string]>): string {
  return Array.from(fields, ([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** One message. */
export interface Message {
  /** Method, target and minor version, or status and reason. */
  first: string;
  lines: [string, string][];
  body: string;
  trailers: [string, string][];
  keepAlive: boolean;
  upgrade: string | undefined;
  /** Whether its end was seen. */
  whole: boolean;
}

/** What was found. */
export interface Decoded {
  messages: Message[];
  error: Http1Error | undefined;
  rest: string;
  /** How much had been used up at the end of each message, of what was given in one part. */
  sizes: number[];
  /** Whether the last message was repaired. */
  repaired: boolean;
}

/** Decodes parts, pushing each and looking for what it brings. */
export function decodeAll(
  side: "request" | "response",
  parts: Uint8Array<ArrayBuffer>[],
  { limits, methods = [], finish = false }: {
    limits?: Http1DecoderOptions;
    methods?: string[];
    finish?: boolean;
  } = {},
): Decoded {
  const decoder = new Http1Decoder(side, limits);
  const messages: Message[] = [];
  const sizes: number[] = [];
  let pushed = 0;
  const left = [...methods];
  const more = () => left.length > 0 && decoder.answers(left.shift()!);
  more();
  const look = () => {
    for (let event; (event = decoder.next()) !== undefined;) {
      const current = messages.at(-1)!;
      if (event.kind === "data") current.body += String.fromCharCode(...event.bytes);
      else if (event.kind === "end") {
        current.trailers = [...event.trailers ?? []] as [string, string][];
        current.whole = true;
        sizes.push(pushed - decoder.buffered);
        more();
      } else {
        messages.push({
          first: event.kind === "request"
            ? `${event.method} ${event.target} ${event.minor}`
            : `${event.status} ${event.reason}`,
          lines: [...event.fields] as [string, string][],
          body: "",
          trailers: [],
          keepAlive: event.keepAlive,
          upgrade: event.upgrade,
          whole: false,
        });
      }
    }
  };
  let error: Http1Error | undefined;
  try {
    for (const part of parts) {
      pushed += part.length;
      decoder.push(part);
      look();
    }
    if (finish) {
      decoder.finish();
      look();
    }
  } catch (thrown) {
    if (!(thrown instanceof Http1Error)) throw thrown;
    error = thrown;
  }
  const rest = error === undefined ? String.fromCharCode(...decoder.takeRest()) : "";
  return { messages, error, rest, sizes, repaired: decoder.repaired };
}
