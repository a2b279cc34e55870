import type { HttpProgress, HttpRequestOptions } from "./options.ts";
import { encodeMultipart } from "./multipart.ts";
import type { Upload } from "./_upload.ts";
import { encodeParams } from "./_url.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What is sent, as often as it may be. */
export interface RequestBody {
  /** The `Content-Type` that goes with it, unless the caller has set one. */
  readonly type?: string;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  /** What `fetch` sends at once; undefined for what goes up piece by piece. */
  readonly whole?: BodyInit;
  /** Begins with what goes up piece by piece. */
  open(): Upload | Promise<Upload>;
  /** Is told how far it is. */
  readonly tell?: (progress: HttpProgress) => void;
}

/** A body up to this goes up at once: it is one piece for the limit on the head of the answer. */
const WHOLE = 1024 * 1024;
const PIECE = 64 * 1024;

/** The body that the options ask for. */
export function requestBody(options: HttpRequestOptions, method: string): RequestBody | undefined {
  const { json, form, multipart, body, onUpload } = options;
  const given = [json, form, multipart, body ?? undefined].filter((one) => one !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1) {
    throw new TypeError("Cannot send two bodies: set one of json, form, multipart and body");
  }
  if (method === "GET" || method === "HEAD") {
    throw new TypeError(`Cannot send a body with ${method}: use params, or another method`);
  }
  const made = json !== undefined
    ? { ...plainBody(jsonOf(json)), type: "application/json" }
    : form !== undefined
    ? { ...plainBody(encodeParams(form).toString()), type: "application/x-www-form-urlencoded" }
    : multipart !== undefined
    ? formBody(multipart)
    : plainBody(body!);
  if (onUpload === undefined) return made;
  const { whole: _, ...pieces } = made;
  return { ...pieces, tell: onUpload };
}

/** A body that `fetch` takes as it is. */
export function plainBody(body: BodyInit): RequestBody {
  if (body instanceof FormData) return formBody(body);
  if (body instanceof ReadableStream) return streamBody(body as ReadableStream<Bytes>);
  if (typeof body === "object" && Symbol.asyncIterator in body && !(body instanceof Blob)) {
    return streamBody(ReadableStream.from(body as AsyncIterable<Bytes>));
  }
  const type = typeOf(body);
  return {
    ...type === undefined ? {} : { type },
    replayable: true,
    ...lengthOf(body) > WHOLE ? {} : { whole: body },
    open: () => piecesOf(body),
  };
}

/** The body of a `Request`: as bytes if it is all there, which nothing but reading it tells. */
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
  const bytes = body instanceof ArrayBuffer
    ? new Uint8Array(body)
    : ArrayBuffer.isView(body)
    ? new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength)
    : new TextEncoder().encode(String(body));
  return { stream: ReadableStream.from(slices(bytes)), size: bytes.length };
}

function* slices(bytes: Bytes): Generator<Bytes> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.slice(at, at + PIECE);
}

/** What `fetch` would say that it is. */
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
