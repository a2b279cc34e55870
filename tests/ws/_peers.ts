/** What the tests of `ws/` share. @module */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";
import type { WsConnection } from "../../ws/connection.ts";
import { serveWebSocket, type ServeWebSocketOptions } from "../../ws/server.ts";
import type { WsHandler } from "../../ws/upgrade_options.ts";

/** Sends every message back. */
export async function echo(conn: WsConnection): Promise<void> {
  for await (const message of conn) await conn.send(message);
}

/** An echo server, unless told otherwise. */
export function serve(options: ServeWebSocketOptions = {}, handler: WsHandler = echo) {
  return serveWebSocket({ closeTimeout: 200, ...options }, handler);
}

/** Waits until `check` holds, for at most five seconds. */
export async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!check()) {
    assert(performance.now() < end, `not within five seconds: ${check}`);
    await delay(5);
  }
}

const text = (value: string) => new TextEncoder().encode(value);

/** A client that writes frames by hand, also such as no good client sends. */
export class RawClient implements Disposable {
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array();
  #ended = false;
  #closed = false;
  /** The head of the answer to the handshake. */
  head = "";

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects and does the opening handshake; more header lines may be given. */
  static async open(port: number, lines: readonly string[] = []): Promise<RawClient> {
    const client = new RawClient(await Deno.connect({ port }));
    const head = [
      "GET / HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      ...lines,
      "\r\n",
    ];
    await client.write(text(head.join("\r\n")));
    while (!client.head.includes("\r\n\r\n")) {
      const byte = await client.#take(1);
      if (byte === undefined) break;
      client.head += String.fromCharCode(byte[0]!);
    }
    return client;
  }

  /** Writes raw bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Writes one frame: its first byte, its payload, masked unless told otherwise. */
  frame(first: number, payload: Uint8Array | string = "", masked = true): Promise<void> {
    return this.write(frame(first, payload, masked));
  }

  /** The next frame of the server; undefined at the end of the stream. */
  async read(): Promise<{ opcode: number; payload: Uint8Array } | undefined> {
    const head = await this.#take(2);
    if (head === undefined) return undefined;
    let length = head[1]! & 0x7f;
    if (length === 126) length = new DataView((await this.#take(2))!.buffer).getUint16(0);
    else if (length === 127) {
      length = Number(new DataView((await this.#take(8))!.buffer).getBigUint64(0));
    }
    return { opcode: head[0]! & 0x0f, payload: (await this.#take(length)) ?? new Uint8Array() };
  }

  /** What ends the connection: the code of a close frame (1005 if it has none), or "end" without one. */
  async end(): Promise<number | "end"> {
    for (let got; (got = await this.read()) !== undefined;) {
      if (got.opcode !== 8) continue;
      return got.payload.length === 0 ? 1005 : new DataView(got.payload.buffer).getUint16(0);
    }
    return "end";
  }

  /** Closes the socket without a word; once more is harmless. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.#conn.close();
    this.#closed = true;
  }

  async #take(size: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#buffer.length < size && !this.#ended) {
      const chunk = new Uint8Array(65536);
      const n = await this.#conn.read(chunk).catch(() => null);
      if (n === null) this.#ended = true;
      else {
        const joined = new Uint8Array(this.#buffer.length + n);
        joined.set(this.#buffer);
        joined.set(chunk.subarray(0, n), this.#buffer.length);
        this.#buffer = joined;
      }
    }
    if (this.#buffer.length < size) return undefined;
    const taken = this.#buffer.slice(0, size);
    this.#buffer = this.#buffer.slice(size);
    return taken;
  }
}

/** The bytes of one frame (RFC 6455 §5.2). */
export function frame(
  first: number,
  payload: Uint8Array | string = "",
  masked = true,
): Uint8Array<ArrayBuffer> {
  const data = typeof payload === "string" ? text(payload) : payload;
  const mask = masked ? 0x80 : 0;
  const head = data.length < 126
    ? [first, mask | data.length]
    : data.length < 65536
    ? [first, mask | 126, data.length >> 8, data.length & 0xff]
    : [first, mask | 127, 0, 0, 0, 0, data.length >>> 24, (data.length >> 16) & 0xff]
      .concat((data.length >> 8) & 0xff, data.length & 0xff);
  const key = masked ? [1, 2, 3, 4] : [];
  const bytes = new Uint8Array(head.length + key.length + data.length);
  bytes.set([...head, ...key]);
  const at = head.length + key.length;
  for (let i = 0; i < data.length; i++) bytes[at + i] = data[i]! ^ (masked ? key[i % 4]! : 0);
  return bytes;
}
