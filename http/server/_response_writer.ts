import type { Connection } from "../../net/connection/connection.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { BodySink } from "./_response_body_sink.ts";
import type { HardenedInfo } from "./_hardened_info.ts";
import { CHUNK_END, chunkLine } from "../internal/chunk_framing.ts";
import { toLatin1 } from "../internal/http1_bytes.ts";
import { type Body, checkBytes, inParts } from "./_response_body.ts";
import {
  type BodyFraming,
  isOfConnection,
  ResponseHead,
  type ResponseOptions,
} from "./_response_head.ts";
import { encodeBytes, writeWhole } from "./_whole_response.ts";
import { Outflow } from "./_half_closed_client.ts";

/**
 * Writes a response (RFC 9112).
 *
 * @param conn The connection to write to.
 * @param response The response to send, without its body.
 * @param body The opened body, which is read to its end.
 * @param options The options of the head.
 * @returns Whether the connection may carry another request.
 * @throws The error of the body or of the connection. Half a response may have been sent then.
 */
export async function writeResponse(
  conn: Connection,
  response: Response,
  body: Body,
  options: ResponseOptions,
  info: HardenedInfo,
): Promise<boolean> {
  const head = new ResponseHead(response, options);
  const framing = head.framing(body.whole?.length);
  const lines = head.text(framing);
  if (head.bodiless) {
    body.cancel();
    await writeWhole(conn, encodeBytes(lines, new Uint8Array(0), false), info);
  } else if (body.whole !== undefined && framing !== "chunked") {
    await writeWhole(conn, encodeBytes(lines, body.whole, false), info);
  } else {
    // The end of the connection ends the body, so only a reset shows that half of it is missing.
    if (framing === "close") conn.resetOnAbort();
    const parts = body.whole === undefined ? body : inParts(body.whole);
    await stream(conn, lines, parts, new Outflow(parts, info), framing, info);
  }
  return head.keepsAlive(framing);
}

/** Writes the response 101, after which another protocol starts. */
export async function writeSwitch(conn: Connection, { headers }: Response): Promise<void> {
  let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n";
  for (const [name, value] of headers) {
    if (name === "upgrade" || !isOfConnection(name)) head += `${name}: ${value}\r\n`;
  }
  await conn.write(toLatin1(`${head}\r\n`));
}

/**
 * The share of one body before it yields to other connections. A fast source with a fast client never
 * waits for the event loop, and so would starve all other connections.
 */
class Turn {
  #bytes = 512 * 1024;
  #pieces = 128;

  /** Counts a piece. Returns whether the turn is over. */
  over(size: number): boolean {
    this.#bytes -= size;
    return --this.#pieces <= 0 || this.#bytes <= 0;
  }
}

async function stream(
  conn: Connection,
  head: string,
  body: Body,
  outflow: Outflow,
  framing: BodyFraming,
  info: HardenedInfo,
): Promise<void> {
  const chunked = framing === "chunked";
  const after = chunked ? CHUNK_END : "";
  const length = typeof framing === "number" ? framing : Infinity;
  const sink = new BodySink(conn);
  let sent = 0;
  /** Bytes of the head and of the chunk framing. */
  let rest = head.length;
  let turn = new Turn();
  try {
    await sink.addText(head);
    if (!body.ready) await sink.flush();
    for (let read; !(read = await outflow.next()).done;) {
      const chunk = read.value;
      checkBytes(chunk);
      if (sent + chunk.length > length) {
        throw new TypeError(`The body is longer than its Content-Length: ${length}`);
      }
      if (chunk.length === 0) continue;
      const before = chunked ? chunkLine(chunk.length) : "";
      sent += chunk.length;
      rest += before.length + after.length;
      const adding = sink.add(chunk, before, after);
      if (adding !== undefined) await adding;
      if (turn.over(chunk.length)) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = new Turn();
      }
      if (sent === length) {
        await sink.flush();
        outflow.sent();
      }
    }
    if (framing === length && sent < length) {
      throw new TypeError(`The body is shorter than its Content-Length: ${length}`);
    }
    if (chunked) {
      const last = await outflow.lastChunk();
      rest += last.length;
      await sink.addText(last);
    }
    await sink.flush();
  } catch (error) {
    body.cancel(error);
    // The bytes before the error are sent, unless the connection itself has failed.
    await ignoreFailure(sink.flush());
    throw error;
  } finally {
    info.handed(sent, rest);
    outflow.end();
  }
}
