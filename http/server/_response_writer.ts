import type { Connection } from "../../net/connection/connection.ts";
import { BodySink } from "./_body_sink.ts";
import type { HardenedInfo } from "./_hardened_info.ts";
import { toLatin1 } from "../internal/http1_bytes.ts";
import { type Body, checkBytes, inParts } from "./_response_body.ts";
import {
  type BodyFraming,
  isOfConnection,
  ResponseHead,
  type ResponseOptions,
} from "./_response_head.ts";
import { encodeBytes, writeWhole } from "./_whole_response.ts";
import { Outflow } from "./_outflow.ts";

/**
 * Writes a response (RFC 9112).
 *
 * @param conn Where to.
 * @param response The response.
 * @param body Its body, opened; it is used up.
 * @param options What it depends on.
 * @returns Whether the connection may carry another request.
 * @throws What the body throws, or the connection; what has been sent is half a response then.
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
    // The end of the connection is the end of the body: half a body must not look like a whole one.
    if (framing === "close") conn.resetOnAbort();
    const parts = body.whole === undefined ? body : inParts(body.whole);
    await stream(conn, lines, parts, new Outflow(parts, info), framing, info);
  }
  return head.keepsAlive(framing);
}

/** Writes the answer behind which another protocol goes on. */
export async function writeSwitch(conn: Connection, { headers }: Response): Promise<void> {
  let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n";
  for (const [name, value] of headers) {
    if (name === "upgrade" || !isOfConnection(name)) head += `${name}: ${value}\r\n`;
  }
  await conn.write(toLatin1(`${head}\r\n`));
}

/**
 * What one body may send before others have a turn. A source that always has more, for a client that
 * takes it as fast, would leave none to them: nothing of that waits for the event loop.
 */
class Turn {
  #bytes = 512 * 1024;
  #pieces = 128;

  /** Counts a piece; tells whether the turn is over. */
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
  const after = chunked ? "\r\n" : "";
  const length = typeof framing === "number" ? framing : Infinity;
  const sink = new BodySink(conn);
  let sent = 0;
  /** Bytes that are no body. */
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
      const before = chunked ? `${chunk.length.toString(16)}\r\n` : "";
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
    // What came before the fault is sent, if the fault is not that of this connection.
    await sink.flush().catch(() => {});
    throw error;
  } finally {
    info.handed(sent, rest);
    outflow.end();
  }
}
