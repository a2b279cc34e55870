/** What the tests of `ws/` share. @module */

import type { WsConnection } from "../../ws/connection/connection.ts";
import { serveWebSocket, type ServeWebSocketOptions } from "../../ws/server/server.ts";
import type { WsHandler } from "../../ws/server/upgrade_options.ts";

export { until } from "./until.ts";

/** Sends every message back. */
export async function echo(conn: WsConnection): Promise<void> {
  for await (const message of conn) await conn.send(message);
}

/** An echo server, unless told otherwise. */
export function serve(options: ServeWebSocketOptions = {}, handler: WsHandler = echo) {
  return serveWebSocket({ closeTimeout: 200, ...options }, handler);
}

/** One after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const text = (value: string) => new TextEncoder().encode(value);

/** Returns the opening handshake of a client (RFC 6455 §4.1). */
export function openingRequest(
  port: number,
  lines: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  return text([
    "GET / HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...lines,
    "\r\n",
  ].join("\r\n"));
}

/** Returns the answer of a server to the head of such a request (RFC 6455 §4.2.2). */
export async function openingResponse(
  request: string,
  lines: readonly string[] = [],
): Promise<Uint8Array> {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)?.[1] ?? "";
  return text([
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${await acceptOf(key)}`,
    ...lines,
    "\r\n",
  ].join("\r\n"));
}

/** Returns the value of `Sec-WebSocket-Accept` for a key, without the code under test. */
export async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-1",
    text(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`),
  );
  return new Uint8Array(digest).toBase64();
}

/** A peer that writes frames by hand, also such as no good one sends. */
export class RawPeer implements Disposable {
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array();
  #ended = false;
  #closed = false;
  /** A client has to mask its frames, a server must not. */
  readonly #masks: boolean;
  /** The head of the answer to the handshake, or of the request. */
  head = "";

  private constructor(conn: Deno.TcpConn, masks: boolean) {
    this.#conn = conn;
    this.#masks = masks;
  }

  /** Connects and does the opening handshake; more header lines may be given. */
  static async open(port: number, lines: readonly string[] = []): Promise<RawPeer> {
    const client = new RawPeer(await Deno.connect({ port }), true);
    await client.write(openingRequest(port, lines));
    await client.#readHead();
    return client;
  }

  /** Answers the handshake of a client (RFC 6455 §4.2.2); `more` bytes follow in the same packet. */
  static async accept(conn: Deno.TcpConn, more: readonly number[] = []): Promise<RawPeer> {
    const server = new RawPeer(conn, false);
    await server.#readHead();
    await server.write(concat(await openingResponse(server.head), Uint8Array.from(more)));
    return server;
  }

  /** Writes raw bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Writes one frame: its first byte, its payload, masked as its side must unless told otherwise. */
  frame(first: number, payload?: Uint8Array | string, masked?: boolean): Promise<void> {
    return this.write(this.make(first, payload, masked));
  }

  /** The bytes of such a frame. */
  make(first: number, payload: Uint8Array | string = "", masked = this.#masks): Uint8Array {
    return frame(first, payload, masked);
  }

  /** The next frame of the other side; undefined at the end of the stream. */
  async read(): Promise<{ opcode: number; payload: Uint8Array } | undefined> {
    const head = await this.#take(2);
    if (head === undefined) return undefined;
    let length = head[1]! & 0x7f;
    if (length === 126) length = new DataView((await this.#take(2))!.buffer).getUint16(0);
    else if (length === 127) {
      length = Number(new DataView((await this.#take(8))!.buffer).getBigUint64(0));
    }
    const key = (await this.#take(head[1]! & 0x80 ? 4 : 0))!;
    const payload = (await this.#take(length)) ?? new Uint8Array();
    for (let i = 0; key.length > 0 && i < payload.length; i++) payload[i]! ^= key[i % 4]!;
    return { opcode: head[0]! & 0x0f, payload };
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

  async #readHead(): Promise<void> {
    while (!this.head.includes("\r\n\r\n")) {
      const byte = await this.#take(1);
      if (byte === undefined) break;
      this.head += String.fromCharCode(byte[0]!);
    }
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
