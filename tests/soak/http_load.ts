/** Requests whose bodies and responses are compared, and which a server counts. @module */

import { createClient, type HttpClient } from "../../http/client/client.ts";
import { HttpStatusError } from "../../http/client/errors.ts";
import { type HttpServer, serveHttp } from "../../http/server/server.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { Random } from "../_support/stress/random.ts";
import { digest } from "../_support/stress/wire.ts";
import { until } from "../_support/until.ts";
import type { Book } from "./book.ts";
import type { Load } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** Clients that work at the same time. */
const WORKERS = 6;

/** A server and its clients. */
export class HttpLoad implements Load {
  readonly #book: Book;
  readonly #server: HttpServer;
  readonly #port: number;
  /** How often the server has read a request whole, by its number. */
  readonly #seen: Map<number, number>;
  #number = 0;

  private constructor(book: Book, server: HttpServer, port: number, seen: Map<number, number>) {
    this.#book = book;
    this.#server = server;
    this.#port = port;
    this.#seen = seen;
  }

  /** Starts the server. */
  static async start(network: BadNetwork, book: Book): Promise<HttpLoad> {
    const seen = new Map<number, number>();
    const server = serveHttp(
      { hardened: true, idleTimeout: 2000, bodyTimeout: 2000, writeTimeout: 2000 },
      async (request) => {
        const query = new URL(request.url).searchParams;
        const number = Number(query.get("n"));
        const body = await request.bytes();
        seen.set(number, (seen.get(number) ?? 0) + 1);
        return new Response(answerTo(number, body, Number(query.get("size"))));
      },
    );
    return new HttpLoad(book, server, (await network.lead(server.addr.port)).addr.port, seen);
  }

  async round(random: Random, stop: () => boolean): Promise<void> {
    const results: Asked[] = [];
    {
      await using client = createClient({
        timeouts: { total: 3000 },
        maxPerHost: 4,
        retry: { total: 2, backoffFactor: 0.01 },
      });
      await Promise.all(Array.from({ length: WORKERS }, async () => {
        const own = random.fork();
        while (!stop()) results.push(await this.#ask(client, own));
      }));
    }
    // What was sent and never answered may still be read.
    await until(() => this.#server.stats().active === 0);
    for (const { number, method, isAnswered } of results) {
      const seen = this.#seen.get(number) ?? 0;
      // A request that must not be repeated arrives once, or not at all if its answer is missing.
      const most = method === "POST" ? 1 : Infinity;
      this.#book.expect(`HTTP ${method}`, seen, isAnswered ? 1 : 0, most, `request ${number}`);
      this.#book.count(isAnswered ? "HTTP requests answered" : "HTTP requests failed");
      if (seen > 1) this.#book.count("HTTP requests repeated");
    }
    this.#seen.clear();
  }

  async #ask(client: HttpClient, random: Random): Promise<Asked> {
    const number = ++this.#number;
    const method = random.pick(["GET", "GET", "POST", "POST", "PUT"] as const);
    const size = random.chance(0.1) ? random.below(200_000) : random.below(500);
    const body = method === "GET"
      ? new Uint8Array()
      : new Uint8Array(random.below(20_000)).fill(97);
    const url = `http://127.0.0.1:${this.#port}/?n=${number}&size=${size}`;
    try {
      const options = method === "GET" ? {} : { body };
      const answer = await client.request(method, url, options).text();
      if (answer !== answerTo(number, body, size)) {
        this.#book.blame("HTTP: another answer", `${number}: ${answer.slice(0, 80)}`);
      }
      return { number, method, isAnswered: true };
    } catch (error) {
      if (!(error instanceof NetError) && !(error instanceof HttpStatusError)) throw error;
      return { number, method, isAnswered: false };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

interface Asked {
  readonly number: number;
  readonly method: "GET" | "POST" | "PUT";
  readonly isAnswered: boolean;
}

function answerTo(number: number, body: Uint8Array, size: number): string {
  return `${number} ${digest(body)} ${"x".repeat(size)}.`;
}
