import type { HttpProgress, HttpRequestOptions } from "./options.ts";
import { encodeMultipart } from "./multipart.ts";
import type { Upload } from "./_upload.ts";
import { encodeParams } from "./_url.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The body of a request. */
export interface RequestBody {
  /** The `Content-Type` of the body, unless the caller has set one. */
  readonly type?: string;
  /** Whether the body can be sent again. */
  readonly replayable: boolean;
  /** The body, if it is sent at once; undefined if it is sent in pieces. */
  readonly whole?: Bytes;
  /** Opens the body for sending in pieces. */
  open(): Upload | Promise<Upload>;
  /** Reports the progress. */
  readonly tell?: (progress: HttpProgress) => void;
}

/** The largest body that is sent at once, in bytes. It is one piece for the time limit `headers`. */
const WHOLE = 1024 * 1024;
const PIECE = 64 * 1024;

/** Returns the body that options define. */
export function requestBody(options: HttpRequestOptions): RequestBody | undefined {
  const { json, form, multipart, body, onUpload } = options;
  const given = Number(json !== undefined) + Number(form !== undefined) +
    Number(multipart !== undefined) + Number(body !== undefined && body !== null);
  if (given === 0) return undefined;
  if (given > 1) {
    throw new TypeError("Cannot send two bodies: set only one of json, form, multipart and body");
  }
  const made = json !== undefined
    ? textBody(jsonOf(json), "application/json")
    : form !== undefined
    ? textBody(encodeParams(form).toString(), "application/x-www-form-urlencoded")
    : multipart !== undefined
    ? formBody(multipart)
    : plainBody(body!);
  if (onUpload === undefined) return made;
  const { whole: _, ...pieces } = made;
  return { ...pieces, tell: onUpload };
}

/** Makes a body from a text with a media type. */
function textBody(text: string, type: string): RequestBody {
  const open = () => piecesOf(text);
  if (text.length > WHOLE) return { type, replayable: true, open };
  return { type, replayable: true, whole: encodeText(text), open };
}

/** Makes a body from a value that `fetch` supports. */
export function plainBody(body: BodyInit): RequestBody {
  if (body instanceof FormData) return formBody(body);
  if (body instanceof ReadableStream) return streamBody(body as ReadableStream<Bytes>);
  if (typeof body === "object" && Symbol.asyncIterator in body && !(body instanceof Blob)) {
    return streamBody(ReadableStream.from(body as AsyncIterable<Bytes>));
  }
  const type = typeOf(body);
  const whole = lengthOf(body) > WHOLE ? undefined : bytesOf(body);
  return {
    ...type === undefined ? {} : { type },
    replayable: true,
    ...whole === undefined ? {} : { whole },
    open: () => piecesOf(body),
  };
}

/**
 * Makes a body from that of a `Request`. It can be sent again if all bytes are available at once, which only
 * reading them shows.
 */
export async function requestedBody(body: ReadableStream<Bytes>): Promise<RequestBody> {
  const reader = body.getReader();
  const { promise: soon, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), 0);
  const chunks: Bytes[] = [];
  try {
    for (;;) {
      const next = reader.read();
      const read = chunks.length > 1 ? undefined : await Promise.race([next, soon]);
      if (read === undefined) return streamBody(ReadableStream.from(rest(chunks, next, reader)));
      if (read.done) return plainBody(new Blob(chunks));
      chunks.push(read.value);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* rest(
  chunks: readonly Bytes[],
  next: Promise<ReadableStreamReadResult<Bytes>>,
  reader: ReadableStreamDefaultReader<Bytes>,
): AsyncGenerator<Bytes> {
  try {
    yield* chunks;
    for (let read = await next; !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}

function streamBody(stream: ReadableStream<Bytes>): RequestBody {
  return { replayable: false, open: () => ({ stream, size: undefined }) };
}

function formBody(form: NonNullable<HttpRequestOptions["multipart"]>): RequestBody {
  const { type, replayable, open, size } = encodeMultipart(form);
  return { type, replayable, open: async () => ({ size: await size(), stream: open() }) };
}

function jsonOf(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError("Cannot send json: this value has no JSON");
  return json;
}

function piecesOf(body: BodyInit): Upload {
  if (body instanceof Blob) {
    return { stream: body.stream() as ReadableStream<Bytes>, size: body.size };
  }
  const bytes = bytesOf(body)!;
  return { stream: ReadableStream.from(slices(bytes)), size: bytes.length };
}

/** Returns the bytes of a body; undefined if they must be read first. */
function bytesOf(body: BodyInit): Bytes | undefined {
  if (body instanceof Blob) return undefined;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  return ArrayBuffer.isView(body)
    ? new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength)
    : encodeText(String(body));
}

const encoder = new TextEncoder();
/** Memory that short texts are encoded in. Encoding into new memory costs several times as much. */
const scratch = new Uint8Array(3072);

function encodeText(text: string): Bytes {
  // A UTF-16 unit needs up to three bytes.
  if (text.length * 3 > scratch.length) return encoder.encode(text);
  return scratch.slice(0, encoder.encodeInto(text, scratch).written);
}

function* slices(bytes: Bytes): Generator<Bytes> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** Returns the media type that `fetch` would send. */
function typeOf(body: BodyInit): string | undefined {
  if (typeof body === "string") return "text/plain;charset=UTF-8";
  if (body instanceof URLSearchParams) return "application/x-www-form-urlencoded;charset=UTF-8";
  return body instanceof Blob && body.type !== "" ? body.type : undefined;
}

function lengthOf(body: BodyInit): number {
  if (typeof body === "string") return body.length;
  if (body instanceof Blob) return body.size;
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? body.byteLength : 0;
}
