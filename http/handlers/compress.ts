/**
 * Compression of responses and decompression of requests. {@linkcode compress} encodes the responses
 * of a handler with zstd, br or gzip. {@linkcode decompress} decodes the bodies of requests, up to a
 * limit.
 *
 * If an attacker can put text into a response and see its compressed size, the attacker can guess
 * secrets in the same response (BREACH). Do not compress responses that contain both.
 *
 * @example Compress JSON
 * ```ts
 * import { compress } from "@portside/kit/http/compress";
 * import { json } from "@portside/kit/http/json";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = compress(() => json(new Array(1000).fill("hello")));
 * await using server = serveHttp({ hardened: true }, handler);
 * const response = await fetch(server.url, { headers: { "accept-encoding": "gzip" } });
 * assertEquals(response.headers.get("content-encoding"), "gzip");
 * assertEquals((await response.json()).length, 1000);
 * ```
 *
 * **Permissions**: none. Source: RFC 9110 §8.4, §12.5.3; RFC 8878 (zstd), RFC 7932 (br).
 *
 * @module
 */

import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import {
  callback,
  countLimit,
  group,
  integer,
  limit,
  listOf,
  oneOf,
  OptionRules,
  type RuleSet,
} from "../../net/internal/options.ts";
import { lowerAscii } from "../../net/text.ts";
import { Compressor, type ContentCoding } from "./_compressor.ts";
import { essenceOf } from "../internal/content_type.ts";
import { codingsOf, decode } from "../internal/decompress.ts";
import { chooseEncoding } from "./_content_coding.ts";
import {
  addVary,
  alsoOnFailure,
  passRefusals,
  shown,
  withHeaders,
} from "../internal/response_headers.ts";
import { hasMember } from "../header_list.ts";
import { problem, ProblemError } from "../problem.ts";
import type { HttpHandler } from "../server/options.ts";

export type { ContentCoding } from "./_compressor.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Options of {@linkcode compress}. */
export interface CompressOptions {
  /**
   * The codings, the best first. The order decides between codings that a client accepts equally.
   *
   * @default ["zstd", "br", "gzip"]
   */
  encodings?: readonly ContentCoding[];
  /**
   * The level of each coding: gzip 1 to 9, br 0 to 11, zstd 1 to 22.
   *
   * @default { gzip: 6, br: 4, zstd: 3 }
   */
  levels?: Partial<Readonly<Record<ContentCoding, number>>>;
  /**
   * Minimum size of a body to compress, in bytes. A body of unknown size is compressed.
   *
   * @default 1024
   */
  minSize?: number;
  /**
   * Returns whether to compress a media type. It is in lower case, without parameters.
   *
   * @default text, JSON, XML, JavaScript, SVG, WebAssembly, manifests, uncompressed fonts
   */
  types?: (mediaType: string) => boolean;
}

/** Options of {@linkcode decompress}. */
export interface DecompressOptions {
  /**
   * Maximum size of a decoded body, in bytes. A larger body gets 413. 0 lifts the limit.
   *
   * @default 10485760
   */
  maxBody?: number;
}

const COMPRESSIBLE =
  /^(?:text\/.+|.+\+(?:json|xml|text)|application\/(?:json|jsonl|ndjson|x-ndjson|xml|javascript|ecmascript|wasm|manifest|rtf|toml|yaml|graphql|x-sh|vnd\.ms-fontobject|x-www-form-urlencoded)|font\/(?:otf|ttf|collection)|image\/(?:bmp|x-icon|vnd\.microsoft\.icon|svg\+xml)|model\/gltf\+json)$/;

const LEVELS: Readonly<Record<ContentCoding, number>> = { gzip: 6, br: 4, zstd: 3 };
const LEVEL_RULES: RuleSet<Record<ContentCoding, number>> = {
  gzip: integer(1, 9),
  br: integer(0, 11),
  zstd: integer(1, 22),
};

const COMPRESS = new OptionRules<CompressOptions>({
  encodings: listOf(oneOf(...Object.keys(LEVELS))),
  levels: group(new OptionRules(LEVEL_RULES)),
  minSize: limit,
  types: callback,
});

const DECOMPRESS = new OptionRules<DecompressOptions>({ maxBody: limit });

/**
 * Compresses the responses of a handler for clients that accept it.
 *
 * It does not change a response that has a content coding, is partial (206), empty or small, has
 * another media type, or is marked `no-transform`. Compressible responses get `Vary: Accept-Encoding`,
 * and so do the responses 206 and 304 in their place. A compressed response has no `Content-Length`,
 * and its entity tag is weak. Each chunk of a stream is flushed, so that events arrive at once.
 *
 * `Deno.serve` compresses some responses by itself, but not those of this wrapper.
 *
 * @param handler The handler whose responses are compressed.
 * @param options The codings, and the responses to compress.
 * @returns The handler with compression.
 * @throws {TypeError} If a coding or an option is unknown, or the handler is missing.
 * @throws {RangeError} If a level or a size is out of range.
 *
 * @example Compress only bodies that are larger than a packet, and only with gzip
 * ```ts
 * import { compress } from "@portside/kit/http/compress";
 *
 * const handler = compress(() => new Response("hi"), { encodings: ["gzip"], minSize: 1400 });
 * console.assert(typeof handler === "function");
 * ```
 */
export function compress(handler: HttpHandler, options: CompressOptions = {}): HttpHandler {
  callback("handler", handler);
  options = COMPRESS.check("compress", options);
  const { encodings = ["zstd", "br", "gzip"], types = isCompressible, minSize = 1024 } = options;
  const levels = { ...LEVELS, ...options.levels };
  return passRefusals(async (request, info) => {
    const response = await handler(request, info);
    if (!isPlain(response) || !hasType(response, types)) return response;
    const { method, headers: given } = request;
    const length = response.headers.get("content-length");
    const coding = method === "HEAD" || (length !== null && Number(length) < minSize)
      ? undefined
      : chooseEncoding(given.get("accept-encoding"), encodings);
    if (response.status === 206 || response.status === 304) {
      return withHeaders(response, (headers) => {
        addVary(headers, "accept-encoding");
        // The tag of the whole response is weak, and this one must match it.
        if (response.status === 304 && coding !== undefined) weakenTag(headers);
      });
    }
    // Opening the body as a stream takes longer than sending the response unchanged.
    if (coding === undefined || response.body === null) {
      return withHeaders(response, (headers) => addVary(headers, "accept-encoding"));
    }
    const { body, status, statusText } = response;
    const headers = new Headers(response.headers);
    addVary(headers, "accept-encoding");
    const init = { status, statusText, headers };
    const reader = body.getReader() as ReadableStreamDefaultReader<Bytes>;
    const ahead = await readAhead(reader, minSize);
    if (ahead.done && ahead.size < minSize) {
      return new Response(await new Blob(ahead.chunks).bytes(), init);
    }
    headers.set("content-encoding", coding);
    for (const name of ["content-length", "accept-ranges", "content-md5"]) headers.delete(name);
    weakenTag(headers);
    const compressor = new Compressor(coding, levels[coding]);
    return new Response(encode(reader, ahead, compressor), init);
  }, handler);
}

/**
 * Decodes the bodies of requests that are compressed with gzip, deflate, br or zstd. The handler gets a
 * request without `Content-Encoding`. Put this wrapper outside of wrappers that remember requests, such
 * as `basicAuth`.
 *
 * @param handler The handler that reads the bodies.
 * @param options The limit of a decoded body.
 * @returns The handler with decompression. It answers 415 to an unknown coding, and 413 above the limit.
 * Reading a damaged body rejects with a {@linkcode ProblemError} of status 400.
 * @throws {RangeError} If the limit is out of range.
 * @throws {TypeError} If an option is unknown, or the handler is missing.
 *
 * @example Read compressed JSON
 * ```ts
 * import { decompress } from "@portside/kit/http/compress";
 * import { json, readJson } from "@portside/kit/http/json";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = decompress(async (request) => json(await readJson(request)));
 * await using server = serveHttp({}, handler);
 * const body = new Response("[1, 2]").body!.pipeThrough(new CompressionStream("gzip"));
 * const headers = { "content-type": "application/json", "content-encoding": "gzip" };
 * const response = await fetch(server.url, { method: "POST", headers, body });
 * assertEquals(await response.json(), [1, 2]);
 * ```
 */
export function decompress(handler: HttpHandler, options: DecompressOptions = {}): HttpHandler {
  callback("handler", handler);
  options = DECOMPRESS.check("decompress", options);
  const maxBody = countLimit(options.maxBody ?? 10 * 1024 * 1024);
  return passRefusals(async (request, info) => {
    const codings = codingsOf(request.headers.get("content-encoding"));
    if (codings === undefined) {
      return problem(415, {
        detail: "The body has a content coding that this server does not know",
        headers: { "accept-encoding": "gzip, deflate, br, zstd" },
      });
    }
    if (codings.length === 0) return await handler(request, info);
    const headers = new Headers(request.headers);
    headers.delete("content-encoding");
    headers.delete("content-length");
    const encoded = request.body as ReadableStream<Bytes> | null;
    const body = encoded && limited(decode(encoded, codings, true), maxBody);
    const { url, method } = request;
    const copy = new Request(url, { method, headers, body });
    Object.defineProperties(copy, {
      // `new Request` resolves the dots of a path.
      url: { value: url },
      // The first use of a signal makes the server watch the client.
      signal: { get: () => request.signal },
    });
    alsoOnFailure(request, (response) => void shown(copy, response));
    return await handler(copy, info);
  }, handler);
}

function isCompressible(mediaType: string): boolean {
  return COMPRESSIBLE.test(mediaType);
}

/**
 * Returns whether a response has a type to compress. Responses 206 and 304 are not compressed, but have
 * the same `Vary` as the whole response (RFC 9110 §15.3.7, §15.4.5). A 304 may have no type.
 */
function hasType({ status, headers }: Response, types: (mediaType: string) => boolean): boolean {
  const type = headers.get("content-type");
  return (status === 304 && type === null) || types(essenceOf(type));
}

/** Marks an entity tag as weak: the content is the same, its bytes are not (RFC 9110 §8.8.1). */
function weakenTag(headers: Headers): void {
  const etag = headers.get("etag");
  if (etag !== null && !etag.startsWith("W/")) headers.set("etag", `W/${etag}`);
}

/** Returns whether a response may be encoded, or is a part of such a response. */
function isPlain(response: Response): boolean {
  if (!(response instanceof Response) || response.bodyUsed) return false;
  const { status, headers } = response;
  if (status < 200 || status === 204 || status === 205) return false;
  return !headers.has("content-encoding") && (status === 206 || !headers.has("content-range")) &&
    !headers.has("content-digest") && !headers.has("repr-digest") &&
    // RFC 9111 §5.2.2.6
    !hasMember(lowerAscii(headers.get("cache-control") ?? ""), "no-transform");
}

interface Ahead {
  readonly chunks: Bytes[];
  readonly size: number;
  readonly done: boolean;
  /** The pending read, if the source is slow. */
  readonly pending: Promise<ReadableStreamReadResult<Bytes>> | undefined;
}

/** Turns of the microtask queue in which a body provides bytes that it already has. */
const TURNS = 16;

/** Reads up to `wanted` bytes that the body already has. It does not wait for a slow source. */
async function readAhead(
  reader: ReadableStreamDefaultReader<Bytes>,
  wanted: number,
): Promise<Ahead> {
  const chunks: Bytes[] = [];
  for (let size = 0;;) {
    const pending = reader.read();
    let read: ReadableStreamReadResult<Bytes> | undefined;
    let settled = false;
    const settle = () => void (settled = true);
    pending.then((result) => (read = result, settle()), settle);
    for (let turn = 0; turn < TURNS && !settled; turn++) await null;
    if (read === undefined) return { chunks, size, done: false, pending };
    if (read.done) return { chunks, size, done: true, pending: undefined };
    chunks.push(read.value);
    size += read.value.length;
    if (size >= wanted) return { chunks, size, done: false, pending: undefined };
  }
}

/** Returns the encoded body. It is read on demand, so a slow client slows the source down. */
function encode(
  reader: ReadableStreamDefaultReader<Bytes>,
  ahead: Ahead,
  compressor: Compressor,
): ReadableStream<Bytes> {
  const chunks = [...ahead.chunks];
  let { pending } = ahead;
  const next = async (): Promise<Bytes | undefined> => {
    const chunk = chunks.shift();
    if (chunk !== undefined) return chunk;
    if (ahead.done) return undefined;
    const reading = pending ?? reader.read();
    pending = undefined;
    const { done, value } = await reading;
    return done ? undefined : value;
  };
  return new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        for (let out: Bytes[] = []; out.length === 0;) {
          const chunk = await next();
          if (chunk === undefined) {
            for (const last of await compressor.end()) controller.enqueue(last);
            compressor.close();
            return controller.close();
          }
          // Without a flush, the compressor could keep an event that the client waits for.
          out = await compressor.write(chunk, chunks.length === 0 && !ahead.done);
          for (const one of out) controller.enqueue(one);
        }
      } catch (error) {
        compressor.close();
        void ignoreFailure(reader.cancel(error));
        throw error;
      }
    },
    async cancel(reason) {
      compressor.close();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** Returns the decoded body with a limit. Its errors have a status. */
function limited(body: ReadableStream<Bytes>, maxBody: number): ReadableStream<Bytes> {
  const reader = body.getReader();
  let size = 0;
  return new ReadableStream<Bytes>({
    async pull(controller) {
      let read: ReadableStreamReadResult<Bytes>;
      try {
        read = await reader.read();
      } catch (cause) {
        const { code } = cause as { code?: unknown };
        if (typeof code !== "string") throw cause;
        throw new ProblemError(400, { detail: "The compressed body is damaged", cause });
      }
      if (read.done) return controller.close();
      size += read.value.length;
      if (size > maxBody) {
        await ignoreFailure(reader.cancel());
        throw new ProblemError(413, {
          detail: `The decoded body has more than ${maxBody} bytes`,
          headers: { connection: "close" },
        });
      }
      controller.enqueue(read.value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
