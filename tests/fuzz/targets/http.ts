/** The codecs of `http` as targets: streams in pieces, and values that are encoded again. @module */

import { HttpDecodeError } from "../../../http/client/errors.ts";
import { createCookieJar } from "../../../http/client/cookie_jar.ts";
import { encodeMultipart } from "../../../http/client/multipart.ts";
import { events, lines, ndjson } from "../../../http/client/streams.ts";
import { encodeEvent } from "../../../http/handlers/event_stream.ts";
import { readForm } from "../../../http/handlers/form.ts";
import { parseParameters } from "../../../http/header_list.ts";
import { parseChallenges } from "../../../http/internal/challenges.ts";
import { filenameFrom } from "../../../http/internal/content_disposition.ts";
import { codingsOf, decode } from "../../../http/internal/decompress.ts";
import { decodeWhole } from "../../../http/internal/decompress_whole.ts";
import { parseHttpDate } from "../../../http/internal/http_date.ts";
import { readKeepAlive } from "../../../http/internal/keep_alive_field.ts";
import { readNoProxy } from "../../../http/internal/no_proxy.ts";
import { parseRange } from "../../../http/internal/range.ts";
import { ZstdFrames } from "../../../http/internal/zstd_frames.ts";
import { ProblemError } from "../../../http/problem.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { bytesOf } from "../../_support/cost.ts";
import { decodeAll, textOf } from "../../_support/http1.ts";
import { COMPRESSED } from "../corpus/compressed.ts";
import type { FuzzTarget } from "../target.ts";

const BYTES = { alphabet: "bytes", limit: 16 * 1024 } as const;
const FIELD = { alphabet: "field", limit: 4096 } as const;

const HEADS = {
  request: [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\0",
    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n\x16\x03\x01",
  ],
  response: [
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n",
    'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nrest",
    "HTTP/1.1 200 \r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 1\n\na",
  ],
} as const;

const CODEC: readonly FuzzTarget[] = (["request", "response"] as const).flatMap((side) =>
  (side === "request" ? [false] : [false, true]).map((tolerant): FuzzTarget => ({
    ...BYTES,
    name: `Http1Decoder in pieces, ${side}${tolerant ? ", tolerant" : ""}`,
    seeds: HEADS[side],
    words: [
      ...["\r\n", "\n", "\r", "\r\n\r\n", ": ", " ", "0\r\n\r\n", "HTTP/1.1", "HTTP/1.0", ";a=b"],
      ...["Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n"],
      ...["Host: a\r\n", "Expect: 100-continue\r\n", "Connection: x, Upgrade\r\n", "X:\r\n"],
    ],
    stream: true,
    read: (pieces) => {
      const { messages, error, rest } = decodeAll(side, pieces.map(bytesOf), {
        limits: { tolerant, maxHead: 1000, maxLine: 300, maxFields: 10, maxTrailers: 300 },
        methods: ["GET", "HEAD", "GET", "GET"],
        finish: true,
      });
      return { messages, error: error && `${error.message} ${error.status}`, rest };
    },
  }))
);

/** A body in pieces. */
function bodyOf(pieces: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces.map(bytesOf));
}

const BOUNDARY = "xyz";
const part = (fields: string, body: string) => `--${BOUNDARY}\r\n${fields}\r\n\r\n${body}\r\n`;

async function formIn(type: string, pieces: readonly string[]): Promise<unknown> {
  const headers = { "content-type": type };
  const request = new Request("http://h/", { method: "POST", headers, body: bodyOf(pieces) });
  const form = await readForm(request, { maxSize: 8192 }).catch((error) => {
    // Two limits can be exceeded at the same time.
    throw error instanceof ProblemError ? new ProblemError(error.status) : error;
  });
  const entries = [];
  for (const [name, value] of form) {
    entries.push([name, typeof value === "string" ? value : [value.name, await value.text()]]);
  }
  return entries;
}

const STREAMS: readonly FuzzTarget[] = [
  {
    ...BYTES,
    name: "readForm() of parts in pieces",
    seeds: [
      `${part('Content-Disposition: form-data; name="a"', "1")}--${BOUNDARY}--\r\n`,
      part(
        'Content-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain',
        "x",
      ) +
      `--${BOUNDARY}--`,
      `--${BOUNDARY}--`,
      `preamble\r\n${
        part('content-disposition: form-data; name="\xe4"', "\r\n--xy\r\n")
      }--${BOUNDARY}--`,
    ],
    words: [
      `\r\n--${BOUNDARY}`,
      "--",
      "\r\n\r\n",
      "\r\n",
      'name="b"',
      "filename*=UTF-8''%e4",
      "\r",
    ],
    throws: [ProblemError],
    stream: true,
    read: (pieces) => formIn(`multipart/form-data; boundary=${BOUNDARY}`, pieces),
  },
  {
    ...BYTES,
    name: "readForm() of an encoded form in pieces",
    seeds: ["a=b&c=d+e", "a=%c3%a4&=&&b", "%"],
    words: ["&", "=", "%", "%c3", "+"],
    throws: [ProblemError],
    stream: true,
    read: (pieces) => formIn("application/x-www-form-urlencoded", pieces),
  },
  ...Object.entries({ lines, ndjson, events }).map(([name, read]): FuzzTarget => ({
    ...BYTES,
    name: `${name}() in pieces`,
    seeds: [
      "a\nb\r\nc\rd",
      '{"a":1}\n[2]\r\n\x1e3\n',
      "data: a\ndata: b\nid: 1\nevent: e\n\n: c\r\n\r\ndata:d\r\rretry: 5\n\n",
      "\xef\xbb\xbfdata: \xc3\xa4\n\n",
    ],
    words: ["\n", "\r", "\r\n", "data: x\n", "\n\n", "id: 2\n", "\xef\xbb\xbf", "\x1e", "null\n"],
    throws: [NetError, HttpDecodeError],
    stream: true,
    read: (pieces) => Array.fromAsync(read(new Response(bodyOf(pieces))) as AsyncIterable<unknown>),
  })),
  ...["gzip", "deflate", "br", "zstd"].map((coding): FuzzTarget => ({
    ...BYTES,
    name: `decompression of ${coding} in pieces`,
    seeds: Object.values(COMPRESSED),
    words: [COMPRESSED.gzip, COMPRESSED.zstd, "\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "\x78\x9c"],
    throws: [Error],
    stream: true,
    read: async (pieces) => {
      try {
        const parts = await Array.fromAsync(decode(bodyOf(pieces), [coding], true));
        return parts.map(textOf).join("");
      } catch (error) {
        // The message depends on how much the decoder has seen.
        if (error instanceof Error && "code" in error) throw new Error("malformed");
        throw new Error(`malformed: ${(error as Error).name}`);
      }
    },
  })),
  ...["gzip", "deflate", "br"].map((coding): FuzzTarget => ({
    ...BYTES,
    name: `decompression of ${coding}, whole and in pieces`,
    seeds: Object.values(COMPRESSED),
    words: [COMPRESSED.gzip, "\x1f\x8b\x08", "\x78\x9c"],
    read: async ([input]) => {
      const bytes = bytesOf(input!);
      // Nobody decodes an empty body.
      if (bytes.length === 0) return undefined;
      let [whole, pieces]: (string | undefined)[] = [];
      try {
        const all = decodeWhole(bytes, [coding], 10_000_000);
        whole = all && textOf(all);
      } catch {
        whole = "malformed";
      }
      try {
        const parts = await Array.fromAsync(decode(bodyOf([input!]), [coding], true));
        pieces = parts.map(textOf).join("");
      } catch {
        // The synchronous decoder of Deno 2.9 ignores the unused bits of the last byte (RFC 7932 §9.2).
        if (coding === "br") return undefined;
        pieces = "malformed";
      }
      if (whole !== pieces) throw new Error(`whole: ${whole}, in pieces: ${pieces}`);
      return whole;
    },
  })),
  {
    ...BYTES,
    name: "ZstdFrames in pieces",
    seeds: [COMPRESSED.zstd, COMPRESSED.zstd + COMPRESSED.zstd, "\x50\x2a\x4d\x18\x01\0\0\0x"],
    words: ["\x28\xb5\x2f\xfd", "\x50\x2a\x4d\x18", "\0"],
    stream: true,
    read: (pieces) => {
      const frames = new ZstdFrames();
      for (const piece of pieces) {
        for (let bytes = bytesOf(piece); bytes.length > 0 && !frames.over;) {
          const used = frames.push(bytes);
          bytes = bytes.subarray(used);
          if (used === 0) break;
        }
      }
      return [frames.complete, frames.between, frames.over];
    },
  },
];

const VALUES: readonly FuzzTarget[] = [
  {
    ...FIELD,
    name: "parseRange()",
    seeds: ["bytes=0-1", "bytes=-5", "bytes=5-", "bytes=0-0,2-3", "bytes = 1-2"],
    words: ["bytes=", "-", ","],
    read: ([text]) => {
      const piece = parseRange(text!, 1000);
      if (!piece) return piece;
      const { start, end } = piece;
      if (!(start >= 0 && start < end && end <= 1000)) throw new Error(`${start} to ${end}`);
      return piece;
    },
  },
  {
    ...FIELD,
    name: "parseHttpDate()",
    seeds: [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ],
    read: ([text]) => {
      const time = parseHttpDate(text!, 0);
      if (time !== undefined && !Number.isFinite(time)) throw new Error(`${time}`);
      return time;
    },
    encode: (time: number | undefined) =>
      time === undefined || time < -62e12 || time > 253e12
        ? undefined
        : new Date(time).toUTCString(),
  },
  {
    ...FIELD,
    name: "codingsOf(), parseChallenges(), filenameFrom(), readKeepAlive()",
    seeds: [
      "gzip, br",
      'Digest realm="a", nonce=b, Basic realm="c"',
      "attachment; filename=\"a/b\"; filename*=UTF-8''%e4",
      "timeout=5, max=100",
    ],
    words: [", ", '"', "\\", "=", "filename*=", "UTF-8''", "..", "timeout=", "Basic "],
    read: ([text]) => {
      const name = filenameFrom(text!, "http://a.test/x");
      if (/[/\\\p{Cc}]|^\.{1,2}$|^$/u.test(name)) throw new Error(`A bad name: ${name}`);
      const challenges = parseChallenges(text!).map((
        { scheme, parameters },
      ) => [scheme, parameters]);
      return [codingsOf(text!), challenges, name, readKeepAlive(text!)];
    },
  },
  {
    ...FIELD,
    name: "parseParameters() and its text",
    seeds: ["a", "a; b=c", 'text/plain; charset="utf-8"; x="\\""', "a;;b=c;b=d"],
    words: [";", "=", '"', "\\", " "],
    read: ([text]) => parseParameters(text!),
    encode: ({ value, parameters }: ReturnType<typeof parseParameters>) => {
      if (!/^[^;"\s]*$/.test(value)) return undefined;
      const list = [...parameters];
      if (!list.every(([name]) => /^[!#$%&'*+.^_`|~\w-]+$/.test(name))) return undefined;
      return value +
        list.map(([name, one]) => `;${name}="${one.replace(/["\\]/g, "\\$&")}"`).join("");
    },
  },
  {
    ...FIELD,
    name: "readNoProxy()",
    seeds: ["a.test,.b.test", "10.0.0.0/8 [::1]:80", "*", "*.c.test:8080,"],
    words: [",", " ", "*", ".", "/8", ":80", "[::1]"],
    read: ([text]) => {
      const skips = readNoProxy(text!);
      return ["a.test", "x.b.test", "10.1.2.3", "::1"].map((name) => skips(name, 80));
    },
  },
  {
    ...FIELD,
    name: "a cookie jar, saved and read",
    seeds: [
      "a=b",
      "a=b; Domain=a.test; Path=/; Secure; HttpOnly; Max-Age=60; SameSite=Lax",
      "=",
      "__Host-a=b; Secure; Path=/",
    ],
    words: ["; ", "=", "Domain=", "Path=", "Max-Age=", "Expires=Thu, 01 Jan 2099 00:00:00 GMT"],
    read: async ([text]) => {
      const jar = createCookieJar();
      await jar.store("https://a.test/x", [text!]);
      const sent = await jar.cookies("https://a.test/x");
      const saved = createCookieJar(JSON.parse(JSON.stringify(jar)));
      const again = await saved.cookies("https://a.test/x");
      if (again !== sent) throw new Error(`${again} instead of ${sent}`);
      return sent;
    },
  },
  {
    ...FIELD,
    alphabet: "text",
    name: "encodeMultipart() and readForm()",
    seeds: ["a", "a\r\nb", '"\\', "\u00e4\u4e2d", "--\r\n"],
    words: ["\r\n", '"', "%22", "%0D", "\\"],
    throws: [TypeError, ProblemError],
    read: async ([text]) => {
      const form = encodeMultipart({ [text!]: text!, file: new File([text!], text!) });
      const headers = { "content-type": form.type };
      const body = form.open();
      const read = await readForm(new Request("http://h/", { method: "POST", headers, body }));
      const [name, value] = [...read].find(([, one]) => typeof one === "string")!;
      // Line ends and lone surrogates of names and texts are normalised, as browsers do it.
      const plain = (one: string) => one.toWellFormed().replaceAll(/\r\n|\r|\n/g, "\r\n");
      if (value !== text!.toWellFormed() && value !== plain(text!)) {
        throw new Error(`value ${value}`);
      }
      // Names with these characters are escaped, and servers do not undo it (HTML standard §4.10.21.8).
      const escaped = plain(text!).replaceAll("\r\n", "%0D%0A").replaceAll('"', "%22");
      // Nor do they escape a backslash, and some clients do.
      const single = escaped.replaceAll("\\\\", "\\");
      if (![escaped, single, plain(text!)].includes(plain(name))) {
        throw new Error(`name ${JSON.stringify(name)}`);
      }
      return undefined;
    },
  },
  {
    ...FIELD,
    alphabet: "text",
    name: "encodeEvent() and events()",
    seeds: ["a", "a\nb", "\r", "\u00e4", " a", "\ufeff"],
    words: ["\n", "\r\n", ":", " ", "data: "],
    read: async ([text]) => {
      const encoded = encodeEvent({ data: text! });
      const [event] = await Array.fromAsync(events(new Response(encoded)));
      const expected = text!.toWellFormed().replaceAll(/\r\n|\r/g, "\n");
      if (event?.data !== expected && expected !== "") throw new Error(JSON.stringify(event));
      return event;
    },
  },
];

/** All of them. */
export const HTTP_TARGETS: readonly FuzzTarget[] = [...CODEC, ...STREAMS, ...VALUES];
