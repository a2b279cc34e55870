import { isAscii } from "../../net/internal/ascii.ts";
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
  /** Whether the body is sent in pieces. */
  readonly inPieces: boolean;
  /** The body, if it is sent at once. */
  readonly whole?: Bytes;
  /** The same as a text of ASCII, which is written together with the head. */
  readonly ascii?: string;
  /** Opens the body for sending in pieces. */
  open(): Upload | Promise<Upload>;
  /** Reports the progress. */
  readonly tell?: (progress: HttpProgress) => void;
}

/** The largest body that is sent at once, in bytes. It is one piece for the time limit `headers`. */
const WHOLE = 1024 * 1024;
const PIECE = 64 * 1024;
/** The longest text that is written with the head. */
const SHORT = 16 * 1024;

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
    ? new TextBody(jsonOf(json), "application/json")
    : form !== undefined
    ? new TextBody(encodeParams(form).toString(), "application/x-www-form-urlencoded")
    : multipart !== undefined
    ? formBody(multipart)
    : plainBody(body!);
  if (onUpload === undefined) return made;
  const { type, replayable } = made;
  const open = () => made.open();
  return {
    ...type === undefined ? {} : { type },
    replayable,
    inPieces: true,
    open,
    tell: onUpload,
  };
}

/** A text with a media type. It is encoded on demand, because short ones are written with the head. */
class TextBody implements RequestBody {
  readonly replayable = true;
  readonly inPieces: boolean;
  readonly ascii?: string;
  #whole: Bytes | undefined;

  constructor(readonly text: string, readonly type: string) {
    this.inPieces = text.length > WHOLE;
    if (text.length <= SHORT && isAscii(text)) this.ascii = text;
  }

  get whole(): Bytes | undefined {
    return this.inPieces ? undefined : this.#whole ??= encoder.encode(this.text);
  }

  open(): Upload {
    return piecesOf(encoder.encode(this.text));
  }
}

/** Makes a body from a value that `fetch` supports. */
export function plainBody(body: BodyInit): RequestBody {
  if (body instanceof FormData) return formBody(body);
  if (body instanceof ReadableStream) return streamBody(body as ReadableStream<Bytes>);
  if (typeof body === "object" && Symbol.asyncIterator in body && !(body instanceof Blob)) {
    return streamBody(ReadableStream.from(body as AsyncIterable<Bytes>));
  }
  // The types are those that `fetch` sends.
  if (typeof body === "string") return new TextBody(body, "text/plain;charset=UTF-8");
  if (body instanceof URLSearchParams) {
    return new TextBody(String(body), "application/x-www-form-urlencoded;charset=UTF-8");
  }
  if (body instanceof Blob) {
    const type = body.type === "" ? {} : { type: body.type };
    const open = () => ({ stream: body.stream() as ReadableStream<Bytes>, size: body.size });
    return { ...type, replayable: true, inPieces: true, open };
  }
  const bytes = bytesOf(body);
  const open = () => piecesOf(bytes);
  if (bytes.length > WHOLE) return { replayable: true, inPieces: true, open };
  return { replayable: true, inPieces: false, whole: bytes, open };
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
  return { replayable: false, inPieces: true, open: () => ({ stream, size: undefined }) };
}

function formBody(form: NonNullable<HttpRequestOptions["multipart"]>): RequestBody {
  const { type, replayable, open, size } = encodeMultipart(form);
  const upload = async () => ({ size: await size(), stream: open() });
  return { type, replayable, inPieces: true, open: upload };
}

function jsonOf(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError("Cannot send json: this value has no JSON");
  return json;
}

function piecesOf(bytes: Bytes): Upload {
  return { stream: ReadableStream.from(slices(bytes)), size: bytes.length };
}

function bytesOf(body: BodyInit): Bytes {
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  return ArrayBuffer.isView(body)
    ? new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength)
    : encoder.encode(String(body));
}

const encoder = new TextEncoder();

function* slices(bytes: Bytes): Generator<Bytes> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}
