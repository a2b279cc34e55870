import type { Connection } from "../net/connection.ts";
import { writeLatin1 } from "./_http1_bytes.ts";
import { OUTPUT_SIZE, returnOutput, takeOutput } from "./internal/output_buffers.ts";
import { dateLine, ResponseHead, type ResponseOptions, statusLine } from "./_response_head.ts";
import { soleContentType, staticBody } from "./internal/static_response.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const NOTHING: Bytes = new Uint8Array(0);
/** A body up to this size is copied behind its head, into one write. */
const JOINED = 64 * 1024;

/**
 * Writes a response whose body is known without reading a stream.
 *
 * @param conn The connection of the client.
 * @param response The response.
 * @param options What its head depends on.
 * @returns Whether the connection may carry another request; undefined if the body is a stream. The
 * response is untouched then.
 */
export function writeWhole(
  conn: Connection,
  response: Response,
  options: ResponseOptions,
): Promise<boolean> | undefined {
  // To refuse such a status is for whoever opens the body.
  if (response.status < 200) return undefined;
  const type = soleContentType(response);
  const body = staticBody(response);
  if (body === undefined) return undefined;
  const usual = type !== undefined && typeof body === "string" && response.statusText === "";
  if (usual && isUsual(options)) {
    const line = typeLine(type);
    // What nearly every response of an API is: status 200 and text.
    if (line !== undefined) return writeText(conn, statusLine(200, "") + line + dateLine(), body);
  }
  return writeAny(conn, response, body ?? NOTHING, options);
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

/** Writes a head in ASCII that ends before its length, the length, and text as UTF-8. */
async function writeText(conn: Connection, lines: string, body: string): Promise<true> {
  const buffer = takeOutput();
  let text = withLength(lines, body.length, body);
  let { read, written } = encoder.encodeInto(text, buffer);
  if (read === text.length && written > read) {
    // The body is not ASCII. Its length is that of its bytes.
    text = withLength(lines, written - (text.length - body.length), body);
    ({ read, written } = encoder.encodeInto(text, buffer));
  }
  if (read === text.length) await writeBuffer(conn, buffer, written);
  else {
    returnOutput(buffer);
    const bytes = encoder.encode(body);
    await writeBytes(conn, withLength(lines, bytes.length, ""), bytes);
  }
  return true;
}

function withLength(lines: string, length: number, body: string): string {
  return `${lines}content-length: ${length}\r\n\r\n${body}`;
}

async function writeAny(
  conn: Connection,
  response: Response,
  body: string | Bytes,
  options: ResponseOptions,
): Promise<boolean> {
  const head = new ResponseHead(response, options);
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const framing = head.framing(bytes.length);
  await writeBytes(conn, head.text(framing), head.bodiless ? NOTHING : bytes);
  return head.keepsAlive(framing);
}

/** Writes a whole head and a body. A large body is written from where it is. */
export async function writeBytes(conn: Connection, head: string, body: Bytes): Promise<void> {
  const size = head.length + body.length;
  if (size <= OUTPUT_SIZE) {
    const buffer = takeOutput();
    writeLatin1(head, buffer, 0);
    buffer.set(body, head.length);
    return await writeBuffer(conn, buffer, size);
  }
  // One packet for the head and the beginning of the body.
  const first = body.length <= JOINED ? body.length : Math.max(0, OUTPUT_SIZE - head.length);
  const joined = new Uint8Array(head.length + first);
  writeLatin1(head, joined, 0);
  joined.set(body.subarray(0, first), head.length);
  await conn.write(joined);
  if (first < body.length) await conn.write(body.subarray(first));
}

/** Writes the beginning of a buffer, which goes back where it came from afterwards. */
async function writeBuffer(conn: Connection, buffer: Bytes, size: number): Promise<void> {
  await conn.write(buffer.subarray(0, size));
  returnOutput(buffer);
}
