/** Requests whose bodies and responses are compared, and which a server counts. @module */

import { createClient, type HttpClient } from "../../http/client/client.ts";
import { HttpStatusError } from "../../http/client/errors.ts";
import { serveHttp } from "../../http/server/server.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { Random } from "../_support/stress/random.ts";
import { digest } from "../_support/stress/wire.ts";
import { until } from "../_support/until.ts";
import type { Book } from "./book.ts";
import { type Load, repeat } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** Clients that work at the same time. */
const WORKERS = 6;

interface Asked {
  readonly number: number;
  readonly method: "GET" | "POST" | "PUT";
  readonly isAnswered: boolean;
}

/** Starts a server. */
export async function startHttpLoad(network: BadNetwork, book: Book): Promise<Load> {
  /** The number of times that the server has read a request whole, by its number. */
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
  const { port } = (await network.lead(server.addr.port)).addr;
  let last = 0;

  async function ask(client: HttpClient, random: Random): Promise<Asked> {
    const number = ++last;
    const method = random.pick(["GET", "GET", "POST", "POST", "PUT"] as const);
    const size = random.chance(0.1) ? random.below(200_000) : random.below(500);
    const body = method === "GET"
      ? new Uint8Array()
      : new Uint8Array(random.below(20_000)).fill(97);
    const url = `http://127.0.0.1:${port}/?n=${number}&size=${size}`;
    try {
      const options = method === "GET" ? {} : { body };
      const answer = await client.request(method, url, options).text();
      if (answer !== answerTo(number, body, size)) {
        book.blame("HTTP: another answer", `${number}: ${answer.slice(0, 80)}`);
      }
      return { number, method, isAnswered: true };
    } catch (error) {
      if (!(error instanceof NetError) && !(error instanceof HttpStatusError)) throw error;
      return { number, method, isAnswered: false };
    }
  }

  return {
    async round(random, stop) {
      const results: Asked[] = [];
      {
        await using client = createClient({
          timeouts: { total: 3000 },
          maxPerHost: 4,
          retry: { total: 2, backoffFactor: 0.01 },
        });
        await repeat(WORKERS, random, stop, async (own) => {
          results.push(await ask(client, own));
        });
      }
      // What was sent and never answered may still be read.
      await until(() => server.stats().active === 0);
      for (const { number, method, isAnswered } of results) {
        const count = seen.get(number) ?? 0;
        // A request that must not be repeated arrives once, or not at all if its answer is missing.
        const most = method === "POST" ? 1 : Infinity;
        book.expect(`HTTP ${method}`, count, isAnswered ? 1 : 0, most, `request ${number}`);
        book.count(isAnswered ? "HTTP requests answered" : "HTTP requests failed");
        if (count > 1) book.count("HTTP requests repeated");
      }
      seen.clear();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function answerTo(number: number, body: Uint8Array, size: number): string {
  return `${number} ${digest(body)} ${"x".repeat(size)}.`;
}
