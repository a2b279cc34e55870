/**
 * `multipart/form-data` as a stream (RFC 7578): a file goes out piece by piece
 * and is never in memory as a whole.
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
 * **Permissions**: `--allow-read` for files that are given by their path.
 *
 * @module
 */

/** A file by its path; it is opened when it is its turn. */
export interface MultipartPath {
  /** Where it is. */
  readonly path: string | URL;
  /**
   * The name that the server is told.
   *
   * @default the last part of `path`
   */
  readonly filename?: string;
  /**
   * Its media type.
   *
   * @default "application/octet-stream"
   */
  readonly type?: string;
}

/** A file that comes from a stream, which can be sent once only. */
export interface MultipartStream {
  /** Its bytes. */
  readonly stream: ReadableStream<Uint8Array>;
  /** The name that the server is told. */
  readonly filename: string;
  /**
   * Its media type.
   *
   * @default "application/octet-stream"
   */
  readonly type?: string;
}

/** One field or file. */
export type MultipartPart = string | number | boolean | Blob | MultipartPath | MultipartStream;

/** Fields and files by their names, in order; an array repeats the name. */
export type MultipartParts = Readonly<Record<string, MultipartPart | readonly MultipartPart[]>>;

/** An encoded form. */
export interface EncodedMultipart {
  /** The value of `Content-Type`, with the boundary. */
  readonly type: string;
  /** Whether `open` can be called more than once. */
  readonly replayable: boolean;
  /** How many bytes it is; undefined if a stream is in it, or what is no plain file. */
  size(): Promise<number | undefined>;
  /** Begins to encode. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Encodes fields and files.
 *
 * @param parts The fields and files.
 * @returns The form, still to be opened.
 * @throws {TypeError} If a media type holds what cannot stand in a header.
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
  const list: Array<readonly [string, MultipartPart]> = [];
  for (const [name, value] of parts instanceof FormData ? parts : Object.entries(parts)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      list.push([head(boundary, name, one), one]);
    }
  }
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    replayable: list.every(([, part]) => !isStream(part)),
    size: () => measure(list, boundary),
    open: () => ReadableStream.from(encode(list, boundary)),
  };
}

type Parts = ReadonlyArray<readonly [string, MultipartPart]>;

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

async function sizeOf(part: MultipartPart): Promise<number | undefined> {
  if (part instanceof Blob) return part.size;
  if (isStream(part)) return undefined;
  if (typeof part !== "object") return encoder.encode(String(part)).length;
  const { isFile, size } = await Deno.stat(part.path);
  // What the system makes up, as under /proc, says that it is empty.
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

function isStream(part: MultipartPart): part is MultipartStream {
  return typeof part === "object" && "stream" in part && !(part instanceof Blob);
}

function head(boundary: string, name: string, part: MultipartPart): string {
  let text = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
  if (typeof part !== "object") return `${text}\r\n\r\n`;
  const filename = part instanceof Blob
    ? part instanceof File ? part.name : "blob"
    : isStream(part)
    ? part.filename
    : part.filename ?? String(part.path).replace(/[?#].*$/, "").split(/[/\\]/).at(-1) ?? "file";
  const type = part.type || "application/octet-stream";
  if (!/^[\x20-\x7e]+$/.test(type)) {
    throw new TypeError("Cannot use a part's type: it holds what cannot stand in a header");
  }
  text += `; filename="${quoted(filename)}"\r\nContent-Type: ${type}`;
  return `${text}\r\n\r\n`;
}

/** As browsers write it: a name can neither end its quotes nor its line. */
function quoted(name: string): string {
  return name.replaceAll("\r\n", "\n").replace(/[\r\n]/g, "%0D%0A").replaceAll('"', "%22");
}
