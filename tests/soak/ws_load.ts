/** Numbered messages that come back. @module */

import { NetError } from "../../net/errors/errors.ts";
import { connectWebSocket } from "../../ws/client/client.ts";
import type { WsConnection } from "../../ws/connection/connection.ts";
import { serveWebSocket } from "../../ws/server/server.ts";
import type { Random } from "../_support/stress/random.ts";
import { until } from "../_support/until.ts";
import type { Book } from "./book.ts";
import { type Load, repeat } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** Clients that work at the same time. */
const WORKERS = 4;
/** Messages that are under way at the same time. */
const WINDOW = 8;
/** Maximum time for an answer, in milliseconds. */
const PATIENCE = 2000;

/** One connection. */
interface Talk {
  readonly name: string;
  readonly sent: number;
  readonly echoed: number;
  /** Whether every message came back. */
  readonly isWhole: boolean;
}

/** Starts a server that sends every message back. */
export async function startWsLoad(network: BadNetwork, book: Book): Promise<Load> {
  /** The number of messages that the server got, by the name of the connection. */
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
  const { port } = (await network.lead(server.addr.port)).addr;
  let connections = 0;

  async function talk(random: Random, stop: () => boolean): Promise<Talk> {
    const name = `c${++connections}`;
    let [sent, echoed] = [0, 0];
    const waiting: string[] = [];
    try {
      await using conn = await connectWebSocket(`ws://127.0.0.1:${port}/`, {
        timeout: PATIENCE,
        closeTimeout: 300,
        compression: random.chance(0.5),
      });
      for (let left = 1 + random.below(200); left > 0 && !stop(); left--) {
        const filler = "y".repeat(random.chance(0.05) ? random.below(50_000) : random.below(200));
        waiting.push(`${name} ${sent} ${filler}`);
        sent++;
        await conn.send(waiting.at(-1)!);
        if (waiting.length === WINDOW) echoed += await take(conn, waiting);
      }
      while (waiting.length > 0) echoed += await take(conn, waiting);
      return { name, sent, echoed, isWhole: true };
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      return { name, sent, echoed, isWhole: false };
    }
  }

  /** Receives one message, the oldest of those that are under way. */
  async function take(conn: WsConnection, waiting: string[]): Promise<1> {
    const message = await conn.receive({ timeout: PATIENCE });
    if (message === null) {
      throw new NetError("The server has closed", { kind: "closed", phase: "read" });
    }
    if (message !== waiting.shift()) {
      book.blame("WebSocket: another message", `${message}`.slice(0, 80));
    }
    return 1;
  }

  return {
    async round(random, stop) {
      const talks: Talk[] = [];
      await repeat(WORKERS, random, stop, async (own) => {
        talks.push(await talk(own, stop));
      });
      await until(() => server.stats().active + server.stats().closing === 0);
      for (const { name, sent, echoed, isWhole } of talks) {
        book.expect("WebSocket", seen.get(name) ?? 0, isWhole ? sent : echoed, sent, name);
        book.count("WebSocket messages", echoed);
        book.count(isWhole ? "WebSockets closed" : "WebSockets lost");
      }
      seen.clear();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
