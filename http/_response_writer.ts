import { STATUS_TEXT } from "@std/http/status";
import type { Connection } from "../net/connection.ts";

/** What the writing of an answer depends on. */
export interface ResponseOptions {
  /** The method of the request. */
  readonly method: string;
  /** The minor version of the client's HTTP/1. */
  readonly minor: 0 | 1;
  /** Whether the connection may go on, as far as the request is concerned. */
  readonly keepAlive: boolean;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** What belongs to the connection, and is not the handler's to say (RFC 9110 §7.6.1). */
const HOP = new Set(["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"]);

const encoder = new TextEncoder();
const NOTHING: Bytes = new Uint8Array(0);
const LAST_CHUNK = encoder.encode("0\r\n\r\n");

/**
 * Writes an answer (RFC 9112).
 *
 * @param conn Where to.
 * @param response The answer; its body is used up.
 * @param options What it depends on.
 * @returns Whether the connection may carry another request.
 * @throws What the body throws, or the connection; what has been sent is half an answer then.
 */
export async function writeResponse(
  conn: Connection,
  response: Response,
  options: ResponseOptions,
): Promise<boolean> {
  const { status, headers } = response;
  const { method, minor } = options;
  let keepAlive = options.keepAlive;
  let declared: string | null = null;
  let head = `HTTP/1.1 ${status} ${response.statusText || (STATUS_TEXT[status] ?? "")}\r\n`;
  let dated = false;
  for (const [name, value] of headers) {
    if (!HOP.has(name)) head += `${name}: ${value}\r\n`;
    else if (name === "content-length") declared = value;
    else if (name === "connection" && /\bclose\b/i.test(value)) keepAlive = false;
    dated ||= name === "date";
  }
  if (!dated) head += `date: ${now()}\r\n`;
  const body = await open(response);
  const empty = status === 204 || status === 304;
  // The length that was announced, where the answer is a stream or has none to be seen.
  let length = body.whole?.length;
  if (length === undefined || (length === 0 && method === "HEAD")) {
    length = declared !== null && /^\d{1,15}$/.test(declared) ? Number(declared) : length;
  }
  const chunked = length === undefined && minor === 1 && !empty && method !== "HEAD";
  if (status !== 204 && length !== undefined && !(status === 304 && length === 0)) {
    head += `content-length: ${length}\r\n`;
  } else if (chunked) {
    head += "transfer-encoding: chunked\r\n";
  } else if (length === undefined && !empty && method !== "HEAD") {
    keepAlive = false; // HTTP/1.0: the end of the connection is the end of the body.
  }
  if (!keepAlive) head += "connection: close\r\n";
  head += "\r\n";
  if (empty || method === "HEAD") {
    body.cancel();
    await conn.write(encode(head, NOTHING));
  } else if (body.whole !== undefined) {
    await conn.write(encode(head, body.whole));
  } else {
    await stream(conn, head, body, chunked, length);
  }
  return keepAlive;
}

/** The body of an answer: whole where it is there, as the body of `new Response(text)` is. */
interface Body {
  readonly whole: Bytes | undefined;
  readonly first: Bytes;
  next(): Promise<ReadableStreamReadResult<Bytes>>;
  cancel(): void;
}

const NO_BODY: Body = {
  whole: NOTHING,
  first: NOTHING,
  next: () => Promise.resolve({ done: true, value: undefined }),
  cancel() {},
};

async function open(response: Response): Promise<Body> {
  if (response.body === null) return NO_BODY;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Bytes>;
  const { done, value: first } = await reader.read();
  if (done) return NO_BODY;
  // A body that was given as text or bytes ends behind its first chunk, and says so at once.
  let second: ReadableStreamReadResult<Bytes> | undefined;
  const reading = reader.read();
  reading.then((read) => second = read, () => {});
  await null;
  await null;
  return {
    whole: second?.done ? first : undefined,
    first,
    next: sequence(reading, reader),
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

/** The read that is under way, then those behind it. */
function sequence(
  reading: Promise<ReadableStreamReadResult<Bytes>>,
  reader: ReadableStreamDefaultReader<Bytes>,
): () => Promise<ReadableStreamReadResult<Bytes>> {
  let pending: Promise<ReadableStreamReadResult<Bytes>> | undefined = reading;
  return () => {
    const next = pending ?? reader.read();
    pending = undefined;
    return next;
  };
}

async function stream(
  conn: Connection,
  head: string,
  body: Body,
  chunked: boolean,
  length: number | undefined,
): Promise<void> {
  let sent = 0;
  // A source that is silent would not see that nobody is there any more.
  conn.signal.addEventListener("abort", body.cancel, { once: true });
  try {
    let ahead = head;
    for (let chunk: Bytes | undefined = body.first; chunk !== undefined;) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("The body has a chunk of no bytes");
      sent += chunk.length;
      if (length !== undefined && sent > length) {
        throw new TypeError(`The body is longer than its Content-Length: ${length}`);
      }
      if (chunk.length > 0 || ahead !== "") {
        const framed = chunked && chunk.length > 0;
        if (framed) ahead += `${chunk.length.toString(16)}\r\n`;
        await conn.write(encode(ahead, chunk, framed ? "\r\n" : ""));
        ahead = "";
      }
      chunk = (await body.next()).value;
    }
    if (length !== undefined && sent < length) {
      throw new TypeError(`The body is shorter than its Content-Length: ${length}`);
    }
    if (chunked) await conn.write(LAST_CHUNK);
  } catch (error) {
    body.cancel();
    throw error;
  } finally {
    conn.signal.removeEventListener("abort", body.cancel);
  }
}

/** One buffer, for one write. */
function encode(head: string, body: Uint8Array, tail = ""): Bytes {
  const bytes = new Uint8Array(head.length + body.length + tail.length);
  const { read, written } = encoder.encodeInto(head, bytes);
  if (read !== head.length || written !== head.length) {
    // Headers are bytes, one a character (ISO 8859-1).
    for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  }
  bytes.set(body, head.length);
  if (tail !== "") encoder.encodeInto(tail, bytes.subarray(head.length + body.length));
  return bytes;
}

let dateOf = 0;
let date = "";

/** The date for a header, made once a second. */
function now(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateOf) {
    dateOf = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}
