import type { Connection } from "../../net/connection/connection.ts";
import { writeLatin1 } from "../internal/http1_bytes.ts";
import { LARGE_OUTPUT, OUTPUT_SIZE, returnOutput, takeOutput } from "../internal/output_buffers.ts";
import { dateLine, ResponseHead, type ResponseOptions, statusLine } from "./_response_head.ts";
import type { HardenedInfo } from "./_hardened_info.ts";
import { soleContentType, staticBody } from "../internal/static_response.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const NOTHING: Bytes = new Uint8Array(0);
/**
 * The most of a large body that is written before other connections have a turn. The kernel takes
 * about as much at once. Smaller pieces keep bodies that are sent at the same time in memory for
 * longer. The garbage collector frees a body late if it is no longer young.
 */
const PIECE = 4 * 1024 * 1024;

/** A response as bytes. */
export interface WholeResponse {
  /** The head and the body, or the beginning of the body. */
  readonly bytes: Bytes;
  /** What `bytes` is the beginning of; to be given back once it was written. */
  readonly buffer: Bytes;
  /** The rest of a large body, in the memory that it was made in. */
  readonly rest: Bytes | undefined;
  /** The length of the body that is sent. */
  readonly size: number;
  /** Whether the connection may carry another request. */
  readonly keepAlive: boolean;
}

/**
 * Encodes a response whose body is known without reading a stream.
 *
 * @param response The response.
 * @param options What its head depends on.
 * @returns The bytes; undefined if the body is a stream. The response is untouched then.
 */
export function encodeWhole(
  response: Response,
  options: ResponseOptions,
): WholeResponse | undefined {
  // To refuse such a status is for whoever opens the body.
  if (response.status < 200) return undefined;
  const type = soleContentType(response);
  const body = staticBody(response);
  if (body === undefined) return undefined;
  const usual = type !== undefined && typeof body === "string" && response.statusText === "";
  if (usual && isUsual(options)) {
    const line = typeLine(type);
    // What nearly every response of an API is: status 200 and text.
    if (line !== undefined) return encodeText(statusLine(200, "") + line + dateLine(), body);
  }
  return encodeAny(response, body ?? NOTHING, options);
}

/** Writes a response. */
export async function writeWhole(
  conn: Connection,
  whole: WholeResponse,
  info: HardenedInfo,
): Promise<void> {
  info.handed(whole.size, headSize(whole));
  await conn.write(whole.bytes);
  returnOutput(whole.buffer);
  if (whole.rest !== undefined) await writeRest(conn, whole.rest);
}

/** Writes the rest of a large body in pieces, with a turn for other connections between them. */
export async function writeRest(conn: Connection, rest: Bytes): Promise<void> {
  for (let at = 0; at < rest.length; at += PIECE) {
    // A client that takes the bytes as fast as they are written leaves no turn to anybody else.
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    await conn.write(rest.subarray(at, at + PIECE));
  }
}

/** Whether the head is the same for all responses with the same content type. */
function isUsual({ method, keepAlive, minor }: ResponseOptions): boolean {
  return keepAlive && minor === 1 && method !== "HEAD";
}

/** The lines for content types, which are few. */
const typeLines = new Map<string | null, string>([[null, ""]]);
/** How many content types are remembered. */
const REMEMBERED = 64;

/** The line for a content type; undefined if it is not ASCII. */
function typeLine(type: string | null): string | undefined {
  let line = typeLines.get(type);
  if (line === undefined && /^[\t -~]*$/.test(type!)) {
    if (typeLines.size >= REMEMBERED) typeLines.clear();
    line = `content-type: ${type}\r\n`;
    typeLines.set(null, "").set(type, line);
  }
  return line;
}

/** Encodes a head in ASCII that ends before its length, the length, and text as UTF-8. */
function encodeText(lines: string, body: string): WholeResponse {
  let text = withLength(lines, body.length, body);
  if (text.length <= LARGE_OUTPUT) {
    const buffer = takeOutput(text.length);
    let { read, written } = encoder.encodeInto(text, buffer);
    if (read === text.length && written > read) {
      // The body is not ASCII. Its length is that of its bytes.
      text = withLength(lines, written - (text.length - body.length), body);
      ({ read, written } = encoder.encodeInto(text, buffer));
    }
    if (read === text.length) {
      const size = written - (text.length - body.length);
      return { bytes: buffer.subarray(0, written), buffer, rest: undefined, size, keepAlive: true };
    }
    returnOutput(buffer);
  }
  const bytes = encoder.encode(body);
  return encodeBytes(withLength(lines, bytes.length, ""), bytes, true);
}

function withLength(lines: string, length: number, body: string): string {
  return `${lines}content-length: ${length}\r\n\r\n${body}`;
}

function encodeAny(
  response: Response,
  body: string | Bytes,
  options: ResponseOptions,
): WholeResponse {
  const head = new ResponseHead(response, options);
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const framing = head.framing(bytes.length);
  const sent = head.bodiless ? NOTHING : bytes;
  return encodeBytes(head.text(framing), sent, head.keepsAlive(framing));
}

/** Encodes a whole head and a body. A large body stays where it is. */
export function encodeBytes(head: string, body: Bytes, keepAlive: boolean): WholeResponse {
  const size = head.length + body.length;
  // One packet for the head and the beginning of the body.
  const first = size <= LARGE_OUTPUT ? body.length : Math.max(0, OUTPUT_SIZE - head.length);
  const buffer = takeOutput(head.length + first);
  writeLatin1(head, buffer, 0);
  buffer.set(first === body.length ? body : body.subarray(0, first), head.length);
  const rest = first < body.length ? body.subarray(first) : undefined;
  const bytes = buffer.subarray(0, head.length + first);
  return { bytes, buffer, rest, size: body.length, keepAlive };
}

/** How many bytes of a response are no body. */
export function headSize({ bytes, rest, size }: WholeResponse): number {
  return bytes.length + (rest?.length ?? 0) - size;
}
