import { STATUS_TEXT } from "@std/http/status";
import type { Connection } from "../net/connection.ts";
import { hasMember } from "./header_list.ts";
import type { HardenedInfo } from "./_hardened_info.ts";
import { httpDate } from "./_http_date.ts";
import { Outflow } from "./_outflow.ts";

/** What the writing of an answer depends on. */
export interface ResponseOptions {
  /** The method of the request. */
  readonly method: string;
  /** The minor version of the client's HTTP/1. */
  readonly minor: 0 | 1;
  /** Whether the connection may go on, as far as the request is concerned. */
  readonly keepAlive: boolean;
  /** The request that is answered. */
  readonly info: HardenedInfo;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** What belongs to the connection, and is not the handler's to say (RFC 9110 §7.6.1). */
const HOP = new Set(["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"]);

const encoder = new TextEncoder();
const NOTHING: Bytes = new Uint8Array(0);
const LAST_CHUNK = "0\r\n\r\n";

/**
 * Writes an answer (RFC 9112).
 *
 * @param conn Where to.
 * @param response The answer.
 * @param body Its body, opened; it is used up.
 * @param options What it depends on.
 * @returns Whether the connection may carry another request.
 * @throws What the body throws, or the connection; what has been sent is half an answer then.
 */
export async function writeResponse(
  conn: Connection,
  response: Response,
  body: Body,
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
    else if (name === "upgrade" && status === 426) head += `${name}: ${value}\r\n`;
    else if (name === "connection" && hasMember(value, "close")) keepAlive = false;
    dated ||= name === "date";
  }
  if (!dated) head += `date: ${httpDate()}\r\n`;
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
  const upgrades = status === 426 && headers.has("upgrade"); // RFC 9110 §15.5.22
  if (!keepAlive) head += `connection: ${upgrades ? "Upgrade, " : ""}close\r\n`;
  else if (upgrades) head += "connection: Upgrade\r\n";
  head += "\r\n";
  if (empty || method === "HEAD") {
    body.cancel();
    await conn.write(encode(head, NOTHING));
  } else if (body.whole !== undefined) {
    await conn.write(encode(head, body.whole));
  } else {
    const outflow = new Outflow(body, options.info);
    await stream(conn, head, body, outflow, chunked ? "chunked" : length);
  }
  return keepAlive;
}

/** Writes the answer behind which another protocol goes on. */
export async function writeSwitch(conn: Connection, { headers }: Response): Promise<void> {
  let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n";
  for (const [name, value] of headers) {
    if (name === "upgrade" || !HOP.has(name)) head += `${name}: ${value}\r\n`;
  }
  await conn.write(encode(`${head}\r\n`, NOTHING));
}

/** The body of an answer: whole where it is there, as the body of `new Response(text)` is. */
export interface Body {
  readonly whole: Bytes | undefined;
  /** Whether there is something to send already. */
  readonly ready: boolean;
  next(): Promise<Read>;
  cancel(reason?: unknown): void;
}

type Read = ReadableStreamReadResult<Bytes>;

const NO_BODY: Body = {
  whole: NOTHING,
  ready: true,
  next: () => Promise.resolve({ done: true, value: undefined }),
  cancel() {},
};
/** In how many turns of the microtask queue a body that is there has said so. */
const TURNS = 8;

/**
 * Opens the body of an answer. It does not wait for a source that has nothing yet: the head of the
 * answer goes ahead then.
 *
 * @param response The answer.
 * @returns Its body.
 * @throws {TypeError} If it is used already or gives no bytes, or the answer is no answer.
 * @throws What its source throws at once.
 */
export async function openBody(response: Response): Promise<Body> {
  if (response.status < 200) {
    const hint = response.status === 101 ? ": only the request as it came can be upgraded" : "";
    throw new TypeError(`The response has the status ${response.status}${hint}`);
  }
  if (response.bodyUsed) throw new TypeError("The body of the response is used up");
  if (response.body === null) return NO_BODY;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Bytes>;
  const cancel = (reason?: unknown) => void reader.cancel(reason).catch(() => {});
  const pending = [reader.read()];
  const first = await soon(pending[0]!);
  if (first?.done) return NO_BODY;
  if (first !== undefined) {
    checkBytes(first.value);
    // A body that was given as text or bytes ends behind its first chunk, and says so at once.
    pending.push(reader.read());
    const second = await soon(pending[1]!).catch(() => undefined);
    if (second?.done) return { ...NO_BODY, whole: first.value, cancel };
  }
  const next = () => pending.shift() ?? reader.read();
  return { whole: undefined, ready: first !== undefined, next, cancel };
}

/** What a read gives if it gives it now. */
async function soon(reading: Promise<Read>): Promise<Read | undefined> {
  let settled: Promise<Read> | undefined;
  const settle = () => void (settled = reading);
  reading.then(settle, settle);
  for (let turn = 0; turn < TURNS && settled === undefined; turn++) await null;
  return settled;
}

function checkBytes(chunk: unknown): void {
  if (!(chunk instanceof Uint8Array)) throw new TypeError("The body has a chunk of no bytes");
}

async function stream(
  conn: Connection,
  head: string,
  body: Body,
  outflow: Outflow,
  framing: "chunked" | number | undefined,
): Promise<void> {
  const chunked = framing === "chunked";
  const length = typeof framing === "number" ? framing : Infinity;
  let sent = 0;
  let ahead = head;
  try {
    if (!body.ready) {
      await conn.write(encode(head, NOTHING));
      ahead = "";
    }
    for (let read; !(read = await outflow.next()).done;) {
      const chunk = read.value;
      checkBytes(chunk);
      sent += chunk.length;
      if (sent > length) {
        throw new TypeError(`The body is longer than its Content-Length: ${length}`);
      }
      if (chunk.length === 0) continue;
      if (chunked) ahead += `${chunk.length.toString(16)}\r\n`;
      await conn.write(encode(ahead, chunk, chunked ? "\r\n" : ""));
      ahead = "";
    }
    if (framing === length && sent < length) {
      throw new TypeError(`The body is shorter than its Content-Length: ${length}`);
    }
    if (chunked) ahead += LAST_CHUNK;
    if (ahead !== "") await conn.write(encode(ahead, NOTHING));
  } catch (error) {
    body.cancel(error);
    throw error;
  } finally {
    outflow.end();
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
