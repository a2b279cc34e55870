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
 * Maximum part of a large body that is written before other connections have a turn. The kernel
 * accepts about as much at once. With smaller pieces, simultaneous bodies stay in memory for longer,
 * and the garbage collector frees old objects late.
 */
const PIECE = 4 * 1024 * 1024;

/** A response in bytes. */
export interface WholeResponse {
  /** The head and the body, or the beginning of the body. */
  readonly bytes: Bytes;
  /** The buffer that holds `bytes`. It is returned to its pool after the write. */
  readonly buffer: Bytes;
  /** The rest of a large body, which is not copied. */
  readonly rest: Bytes | undefined;
  /** The length of the body that is sent. */
  readonly size: number;
  /** Whether the connection may carry another request. */
  readonly keepAlive: boolean;
}

/**
 * Encodes a response whose body is known without a stream.
 *
 * @param response The response to encode.
 * @param options The options of the head.
 * @returns The bytes; undefined if the body is a stream. The response is unchanged then.
 */
export function encodeWhole(
  response: Response,
  options: ResponseOptions,
): WholeResponse | undefined {
  // `openBody` rejects such a status.
  if (response.status < 200) return undefined;
  const type = soleContentType(response);
  const body = staticBody(response);
  if (body === undefined) return undefined;
  const usual = type !== undefined && typeof body === "string" && response.statusText === "";
  if (usual && isUsual(options)) {
    const line = typeLine(type);
    // The usual response of an API has status 200 and text.
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

/** Writes the rest of a large body in pieces, and yields to other connections between them. */
export async function writeRest(conn: Connection, rest: Bytes): Promise<void> {
  for (let at = 0; at < rest.length; at += PIECE) {
    // A client that reads as fast as the server writes would starve all other connections.
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    await conn.write(rest.subarray(at, at + PIECE));
  }
}

/** Returns whether the head depends only on the content type. */
function isUsual({ method, keepAlive, minor }: ResponseOptions): boolean {
  return keepAlive && minor === 1 && method !== "HEAD";
}

/** Lines by content type. */
const typeLines = new Map<string | null, string>([[null, ""]]);
/** Maximum number of content types in the cache. */
const REMEMBERED = 64;

/** Returns the line for a content type; undefined if it is not ASCII. */
function typeLine(type: string | null): string | undefined {
  let line = typeLines.get(type);
  if (line === undefined && /^[\t -~]*$/.test(type!)) {
    if (typeLines.size >= REMEMBERED) typeLines.clear();
    line = `content-type: ${type}\r\n`;
    typeLines.set(null, "").set(type, line);
  }
  return line;
}

/** Encodes header lines in ASCII, a `content-length`, and a body of text in UTF-8. */
function encodeText(lines: string, body: string): WholeResponse {
  let text = withLength(lines, body.length, body);
  if (text.length <= LARGE_OUTPUT) {
    const buffer = takeOutput(text.length);
    let { read, written } = encoder.encodeInto(text, buffer);
    if (read === text.length && written > read) {
      // The body is not ASCII, so it has more bytes than characters.
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

/** Encodes a head and a body. The end of a large body is not copied. */
export function encodeBytes(head: string, body: Bytes, keepAlive: boolean): WholeResponse {
  const size = head.length + body.length;
  // The head and the beginning of the body go out in one write.
  const first = size <= LARGE_OUTPUT ? body.length : Math.max(0, OUTPUT_SIZE - head.length);
  const buffer = takeOutput(head.length + first);
  writeLatin1(head, buffer, 0);
  buffer.set(first === body.length ? body : body.subarray(0, first), head.length);
  const rest = first < body.length ? body.subarray(first) : undefined;
  const bytes = buffer.subarray(0, head.length + first);
  return { bytes, buffer, rest, size: body.length, keepAlive };
}

/** Returns the size of the head of an encoded response, in bytes. */
export function headSize({ bytes, rest, size }: WholeResponse): number {
  return bytes.length + (rest?.length ?? 0) - size;
}
