/**
 * Encodes `multipart/form-data` as a stream (RFC 7578). Files are sent in pieces, and are never in memory
 * as a whole.
 *
 * @example Encode a form
 * ```ts
 * import { encodeMultipart } from "@portside/kit/http/client";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const { type, open } = encodeMultipart({ name: "ada", file: new File(["hi"], "hi.txt") });
 * const text = await new Response(open()).text();
 * assertStringIncludes(type, "multipart/form-data; boundary=");
 * assertStringIncludes(text, 'name="file"; filename="hi.txt"');
 * ```
 *
 * **Permissions**: `--allow-read` for files that are named by their path.
 *
 * @module
 */

import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { escapeControls } from "../../net/text.ts";

/** A file, named by its path. It is opened when its content is sent. */
export interface MultipartPath {
  /** The path of the file, or its `file:` URL. */
  readonly path: string | URL;
  /**
   * The file name that the server gets.
   *
   * @default the last part of `path`
   */
  readonly filename?: string;
  /**
   * The media type of the file.
   *
   * @default "application/octet-stream"
   */
  readonly type?: string;
}

/** A file from a stream, which can be sent only once. */
export interface MultipartStream {
  /** The content of the file. */
  readonly stream: ReadableStream<Uint8Array>;
  /** The file name that the server gets. */
  readonly filename: string;
  /**
   * The media type of the file.
   *
   * @default "application/octet-stream"
   */
  readonly type?: string;
}

/** A field or a file of a form. Null and undefined add nothing. */
export type MultipartPart =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Blob
  | MultipartPath
  | MultipartStream;

/** Fields and files by name, in their order. An array repeats the name. */
export type MultipartParts = Readonly<Record<string, MultipartPart | readonly MultipartPart[]>>;

/** An encoded form. */
export interface EncodedMultipart {
  /** The value of `Content-Type`, with the boundary. */
  readonly type: string;
  /** Whether `open` can be called more than once. */
  readonly replayable: boolean;
  /** Returns the size in bytes; undefined if the form contains a stream or a special file. */
  size(): Promise<number | undefined>;
  /** Opens the encoded form as a stream. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Encodes fields and files as `multipart/form-data`.
 *
 * @param parts The fields and files of the form.
 * @returns The encoded form. `open` starts the encoding.
 * @throws {TypeError} If a part is none, or if a media type contains characters that a header cannot
 * contain.
 *
 * @example A file by its path
 * ```ts
 * import { encodeMultipart } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const form = encodeMultipart({ photo: { path: "photo.jpg", type: "image/jpeg" } });
 * assertEquals(form.replayable, true);
 * ```
 */
export function encodeMultipart(parts: FormData | MultipartParts): EncodedMultipart {
  const boundary = `portside-${crypto.randomUUID()}`;
  const list: Array<readonly [string, Part]> = [];
  for (const [name, value] of parts instanceof FormData ? parts : Object.entries(parts)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === null || one === undefined) continue;
      list.push([head(boundary, name, checked(name, one)), one]);
    }
  }
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    replayable: list.every(([, part]) => !isStream(part)),
    size: () => measure(list, boundary),
    open: () => ReadableStream.from(encode(list, boundary)),
  };
}

type Part = NonNullable<MultipartPart>;
type Parts = ReadonlyArray<readonly [string, Part]>;

const encoder = new TextEncoder();

async function measure(list: Parts, boundary: string): Promise<number | undefined> {
  let sum = encoder.encode(`--${boundary}--\r\n`).length;
  for (const [head, part] of list) {
    const size = await sizeOf(part);
    if (size === undefined) return undefined;
    sum += encoder.encode(head).length + size + 2;
  }
  return sum;
}

async function sizeOf(part: Part): Promise<number | undefined> {
  if (part instanceof Blob) return part.size;
  if (isStream(part)) return undefined;
  if (typeof part !== "object") return encoder.encode(String(part)).length;
  const { isFile, size } = await Deno.stat(part.path);
  // Generated files, such as those under /proc, report the size 0.
  return isFile && size > 0 ? size : undefined;
}

async function* encode(list: Parts, boundary: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const [head, part] of list) {
    yield encoder.encode(head);
    if (part instanceof Blob) yield* part.stream();
    else if (isStream(part)) yield* part.stream as ReadableStream<Uint8Array<ArrayBuffer>>;
    else if (typeof part === "object") yield* (await Deno.open(part.path)).readable;
    else yield encoder.encode(String(part));
    yield encoder.encode("\r\n");
  }
  yield encoder.encode(`--${boundary}--\r\n`);
}

function isStream(part: Part): part is MultipartStream {
  return typeof part === "object" && "stream" in part && !(part instanceof Blob);
}

/** Returns a part. Throws if it is none. */
function checked(name: string, part: Part): Part {
  if (typeof part !== "object" && typeof part !== "function" && typeof part !== "symbol") {
    return part;
  }
  if (part instanceof Blob) return part;
  const { path, stream, filename } = part as Partial<MultipartPath & MultipartStream>;
  const named = filename === undefined || typeof filename === "string";
  if (named && stream instanceof ReadableStream && filename !== undefined) return part;
  if (named && (typeof path === "string" || path instanceof URL)) return part;
  throw new TypeError(
    `The part "${escapeControls(name)}" must be a string, a number, a boolean, a Blob, ` +
      "an object with path, or one with stream and filename",
  );
}

function head(boundary: string, name: string, part: Part): string {
  const field = quoted(name.replace(/\r\n?|\n/g, "\r\n"));
  let text = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"`;
  if (typeof part !== "object") return `${text}\r\n\r\n`;
  const type = part.type || "application/octet-stream";
  if (!/^[\x20-\x7e]+$/.test(type)) {
    throw new TypeError(
      "type must not contain characters that are not allowed in a header",
    );
  }
  text += `; filename="${quoted(filenameOf(part))}"\r\nContent-Type: ${type}`;
  return `${text}\r\n\r\n`;
}

/** Returns the file name that the server gets. */
function filenameOf(part: Extract<Part, object>): string {
  if (part instanceof Blob) return part instanceof File ? part.name : "blob";
  if (isStream(part)) return part.filename;
  const { path, filename } = part;
  return filename ?? basename(path instanceof URL ? fileURLToPath(path) : path);
}

/**
 * Escapes a name as browsers do, so that it can end neither its quotes nor its line (HTML standard,
 * "multipart/form-data encoding algorithm").
 */
function quoted(name: string): string {
  return name.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22");
}
