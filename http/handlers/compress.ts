/**
 * Compression of responses and of request bodies: {@linkcode compress} encodes what a handler
 * returns with zstd, br or gzip, {@linkcode decompress} decodes what a client sends, within a limit.
 *
 * Secrets: an attacker who sees the size of a compressed response, and can put text of their own
 * into it, can guess secrets in it (BREACH). Do not compress responses that hold both.
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
import { chooseEncoding } from "./_encodings.ts";
import { addVary, alsoOnFailure, passRefusals, shown, withHeaders } from "../internal/headers.ts";
import { hasMember } from "../header_list.ts";
import { problem, ProblemError } from "../problem.ts";
import type { HttpHandler } from "../server/options.ts";

export type { ContentCoding } from "./_compressor.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Options of {@linkcode compress}. */
export interface CompressOptions {
  /**
   * The codings, the best first. It decides between those that a client likes equally.
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
   * The smallest body to compress, in bytes. A body whose size is not known yet is compressed.
   *
   * @default 1024
   */
  minSize?: number;
  /**
   * Decides by the media type, in lower case and without parameters.
   *
   * @default text, JSON, XML, JavaScript, SVG, WebAssembly, manifests, uncompressed fonts
   */
  types?: (mediaType: string) => boolean;
}

/** Options of {@linkcode decompress}. */
export interface DecompressOptions {
  /**
   * The largest decoded body in bytes; more is 413. 0 lifts the limit.
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
 * It leaves alone what is encoded already, partial (206) or empty, small, of another media type, or
 * marked `no-transform`. Compressible responses get `Vary: Accept-Encoding`, and so do 206 and 304 in
 * their place. A compressed one has no `Content-Length`, and its entity tag is weak. Each chunk of a
 * stream is flushed, so events arrive at once.
 *
 * On Deno's transport, `Deno.serve` compresses some responses by itself; it leaves these alone.
 *
 * @param handler The handler.
 * @param options The codings, and what to compress.
 * @returns The handler with compression.
 * @throws {TypeError} If a coding is unknown.
 * @throws {RangeError} If a level or a size is out of range.
 *
 * @example Only what is larger than a packet, with gzip alone
 * ```ts
 * import { compress } from "@portside/kit/http/compress";
 *
 * const handler = compress(() => new Response("hi"), { encodings: ["gzip"], minSize: 1400 });
 * console.assert(typeof handler === "function");
 * ```
 */
export function compress(handler: HttpHandler, options: CompressOptions = {}): HttpHandler {
  callback("handler", handler);
  COMPRESS.check("compress", options);
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
        // The whole response has a weak tag. A cache must not take this one for that of another.
        if (response.status === 304 && coding !== undefined) weakenTag(headers);
      });
    }
    // A look at the body makes a stream of it, which costs more than sending it as it is.
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
 * Decodes the bodies of requests that are compressed with gzip, deflate, br or zstd, before a handler
 * reads them. The handler gets a request without `Content-Encoding`. Put it outside of wrappers that
 * remember requests, such as `basicAuth`.
 *
 * @param handler The handler.
 * @param options The limit.
 * @returns The handler. It answers 415 to an unknown coding, and 413 above the limit; a damaged body
 * is a {@linkcode ProblemError} of status 400 for who reads it.
 * @throws {RangeError} If the limit is out of range.
 *
 * @example Take compressed JSON
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
  DECOMPRESS.check("decompress", options);
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
      // A signal costs something from its first use on.
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
 * Whether a response is of a type to compress. Neither 206 nor 304 is compressed, but both vary as the
 * whole response does (RFC 9110 §15.3.7, §15.4.5); 304 need not say its type.
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

/** Whether a response may be encoded at all, or is a part of one that may. */
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
  /** The read under way when the source turned out to be slow. */
  readonly pending: Promise<ReadableStreamReadResult<Bytes>> | undefined;
}

/** How many turns of the microtask queue a body that is there already may take. */
const TURNS = 16;

/** Reads up to `size` bytes of a body that are there already; it does not wait for a slow source. */
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

/** The encoded body: pulled, so that a client that reads slowly slows its source. */
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
          // Without a flush, a client could wait for an event that is here already.
          out = await compressor.write(chunk, chunks.length === 0 && !ahead.done);
          for (const one of out) controller.enqueue(one);
        }
      } catch (error) {
        compressor.close();
        void reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    async cancel(reason) {
      compressor.close();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** The decoded body, whose errors have a status. */
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
        await reader.cancel().catch(() => {});
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
