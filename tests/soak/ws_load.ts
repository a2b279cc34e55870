/** Numbered messages that come back. @module */

import { NetError } from "../../net/errors/errors.ts";
import { connectWebSocket } from "../../ws/client/client.ts";
import { serveWebSocket, type WebSocketServer } from "../../ws/server/server.ts";
import type { Random } from "../_support/stress/random.ts";
import { until } from "../_support/until.ts";
import type { Book } from "./book.ts";
import type { Load } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** Clients that work at the same time. */
const WORKERS = 4;
/** Messages that are under way at the same time. */
const WINDOW = 8;
/** Maximum time for an answer, in milliseconds. */
const PATIENCE = 2000;

/** A server that sends every message back, and its clients. */
export class WsLoad implements Load {
  readonly #book: Book;
  readonly #server: WebSocketServer;
  readonly #port: number;
  /** The number of messages that the server got, by the name of the connection. */
  readonly #seen: Map<string, number>;
  #connections = 0;

  private constructor(
    book: Book,
    server: WebSocketServer,
    port: number,
    seen: Map<string, number>,
  ) {
    this.#book = book;
    this.#server = server;
    this.#port = port;
    this.#seen = seen;
  }

  /** Starts the server. */
  static async start(network: BadNetwork, book: Book): Promise<WsLoad> {
    const seen = new Map<string, number>();
    const server = serveWebSocket({ compression: true, hardened: true }, async (conn) => {
      for await (const message of conn) {
        const [name = "", number] = String(message).split(" ", 2);
        const next = seen.get(name) ?? 0;
        if (Number(number) !== next) book.blame("WebSocket: wrong order", `${number}, not ${next}`);
        seen.set(name, next + 1);
        await conn.send(message);
      }
    });
    return new WsLoad(book, server, (await network.lead(server.addr.port)).addr.port, seen);
  }

  async round(random: Random, stop: () => boolean): Promise<void> {
    const talks: Talk[] = [];
    await Promise.all(Array.from({ length: WORKERS }, async () => {
      const own = random.fork();
      while (!stop()) talks.push(await this.#talk(own, stop));
    }));
    await until(() => this.#server.stats().active + this.#server.stats().closing === 0);
    for (const { name, sent, echoed, isWhole } of talks) {
      const seen = this.#seen.get(name) ?? 0;
      this.#book.expect("WebSocket", seen, isWhole ? sent : echoed, sent, name);
      this.#book.count("WebSocket messages", echoed);
      this.#book.count(isWhole ? "WebSockets closed" : "WebSockets lost");
    }
    this.#seen.clear();
  }

  async #talk(random: Random, stop: () => boolean): Promise<Talk> {
    const name = `c${++this.#connections}`;
    let [sent, echoed] = [0, 0];
    const waiting: string[] = [];
    try {
      await using conn = await connectWebSocket(`ws://127.0.0.1:${this.#port}/`, {
        timeout: PATIENCE,
        closeTimeout: 300,
        compression: random.chance(0.5),
      });
      for (let left = 1 + random.below(200); left > 0 && !stop(); left--) {
        const filler = "y".repeat(random.chance(0.05) ? random.below(50_000) : random.below(200));
        waiting.push(`${name} ${sent} ${filler}`);
        sent++;
        await conn.send(waiting.at(-1)!);
        if (waiting.length === WINDOW) echoed += await this.#take(conn, waiting);
      }
      while (waiting.length > 0) echoed += await this.#take(conn, waiting);
      return { name, sent, echoed, isWhole: true };
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      return { name, sent, echoed, isWhole: false };
    }
  }

  /** Receives one message, the oldest of those that are under way. */
  async #take(conn: Awaited<ReturnType<typeof connectWebSocket>>, waiting: string[]): Promise<1> {
    const message = await conn.receive({ timeout: PATIENCE });
    if (message === null) {
      throw new NetError("The server has closed", { kind: "closed", phase: "read" });
    }
    if (message !== waiting.shift()) {
      this.#book.blame("WebSocket: another message", `${message}`.slice(0, 80));
    }
    return 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** One connection. */
interface Talk {
  readonly name: string;
  readonly sent: number;
  readonly echoed: number;
  /** Whether every message came back. */
  readonly isWhole: boolean;
}
