/** Browsers without their page, for the tests of the web side. @module */

import { assert } from "@std/assert";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { Lobby, type LobbyOptions } from "../../../examples/chat/lobby.ts";
import { type ChatWeb, type ChatWebOptions, serveChatWeb } from "../../../examples/chat/web.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectTcp } from "../../../net/tcp/client.ts";

/** A chat with numbered secrets, whose sessions end with their connections. */
export function lobby(options: Partial<LobbyOptions> = {}): Lobby {
  let n = 0;
  return new Lobby({
    archive: openArchive(":memory:"),
    now: () => Date.now(),
    secret: () => `secret-${++n}`,
    grace: 0,
    ...options,
  });
}

/** The web side on a free port, with limits wide enough not to be met by chance. */
export function serve(chat: Lobby, options: Partial<ChatWebOptions> = {}): ChatWeb {
  return serveChatWeb(chat, {
    hostname: "127.0.0.1",
    port: 0,
    lang: "en",
    allowHosts: [],
    allowOrigins: [],
    sendQueue: 256 * 1024,
    maxMessage: 16 * 1024,
    rate: 0,
    burst: 20,
    nameTimeout: 10_000,
    maxConnections: 100,
    maxConnectionsPerAddress: 100,
    pingInterval: 30_000,
    ...options,
  });
}

/** Sends bytes, gives everything that comes back until the server ends. */
export async function raw(url: string, request: string): Promise<string> {
  await using conn = await connectTcp({ port: Number(new URL(url).port), lingerTimeout: 0 });
  await conn.write(request);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of conn) text += decoder.decode(chunk, { stream: true });
  return text;
}

/** What the server sends. */
export type Message = Record<string, unknown> & { type: string; text?: string };

/** A browser without its page. */
export class Browser implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #inbox: Message[] = [];
  #wake: () => void = () => {};

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers });
    this.socket.onmessage = ({ data }) => {
      this.#inbox.push(JSON.parse(data));
      this.#wake();
    };
    this.socket.onerror = () => {};
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = promise;
    this.socket.onclose = ({ code, reason }) => {
      resolve({ code, reason });
      this.#wake();
    };
  }

  async open(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await new Promise((resolve) => {
        this.socket.addEventListener("open", resolve);
        this.socket.addEventListener("error", resolve);
      });
    }
    return this;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The next message of that type, or of any; others before it are passed over. */
  async next(type?: string): Promise<Message> {
    const end = performance.now() + 30_000;
    while (true) {
      const at = this.#inbox.findIndex((message) => type === undefined || message.type === type);
      if (at !== -1) return this.#inbox.splice(0, at + 1).at(-1)!;
      assert(performance.now() < end, `no ${type ?? "message"} within thirty seconds`);
      assert(this.socket.readyState !== WebSocket.CLOSED, `closed before ${type ?? "a message"}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, 1000);
      await promise;
      clearTimeout(timer);
    }
  }

  async join(name: string, more: object = {}): Promise<Message> {
    await this.open();
    this.send({ type: "join", name, ...more });
    return await this.next("welcome");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState < WebSocket.CLOSING) this.socket.close();
    await this.closed;
  }
}

/** The metrics of a chat, as text. */
export async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** How many WebSockets hold a place. */
export async function connections(url: string): Promise<number> {
  return Number(/\nchat_web_connections (\d+)/.exec(await metricsOf(url))![1]);
}

/** Opens a WebSocket by hand, for peers that do not keep to what a browser does. */
export async function openRaw(url: string): Promise<Connection> {
  const { host, port } = new URL(url);
  const conn = await connectTcp({ port: Number(port), lingerTimeout: 0 });
  await conn.write(
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  while (await conn.readLine({ timeout: 30_000 }));
  return conn;
}

/** A frame of up to 125 bytes, masked with zeros (RFC 6455 §5.2). */
export function frame(content: object | Uint8Array): Uint8Array<ArrayBuffer> {
  const binary = content instanceof Uint8Array;
  const bytes = binary ? content : new TextEncoder().encode(JSON.stringify(content));
  return new Uint8Array([binary ? 0x82 : 0x81, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes]);
}
