/**
 * The fan-out of lines in one thread, and in Workers with one thread that orders. It answers the question
 * whether a chat should have `--workers N`: what the relay between threads costs, and how much it takes off
 * the busiest thread.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { startRunnable, within } from "../_support/runnable.ts";
import type { Bench, Figure } from "./_bench.ts";
import { cpuUse, sampleCpu } from "./_cpu.ts";

const USERS = 2000;

/** The deliveries in a second, and the seconds before and during the measurement. */
const [DELIVERIES, WARMUP, SECONDS] = [4000, 2, 8];

const CONTENDERS = [
  { name: "one thread", workers: 0 },
  { name: "1 Worker", workers: 1 },
  { name: "2 Workers", workers: 2 },
];

const PLACES = [{ what: "20 per room", rooms: 100 }, { what: "2,000 in one room", rooms: 1 }];

/** The CPU time of a line, in microseconds. */
interface Cost {
  readonly all: number;
  readonly thread: number;
}

/** Measures the fan-out. */
export async function benchChatFanout(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { what, rooms } of PLACES) {
    const runs = CONTENDERS.map(({ name }) => ({ name, rounds: new Array<Cost>() }));
    for (let round = 0; round < bench.settings.rounds; round++) {
      for (let i = 0; i < CONTENDERS.length; i++) {
        bench.signal.throwIfAborted();
        const at = (round + i) % CONTENDERS.length;
        bench.progress(`Fan-out, ${what}: round ${round + 1}, ${CONTENDERS[at]!.name}`);
        runs[at]!.rounds.push(await measure(CONTENDERS[at]!.workers, rooms));
      }
    }
    const figure = (of: keyof Cost, where: string): Figure => ({
      title: `Fan-out to ${USERS} connections, ${what}, CPU time of a line ${where}`,
      unit: "µs",
      note: `without an archive, ${DELIVERIES} deliveries a second`,
      series: runs.map(({ name, rounds }) => ({
        name,
        rounds: rounds.map((cost) => ({ value: cost[of] })),
      })),
      targets: [{ against: ["2 Workers"] }],
    });
    figures.push(figure("all", "in all threads"), figure("thread", "in the busiest thread"));
  }
  return figures;
}

async function measure(workers: number, rooms: number): Promise<Cost> {
  await using server = await startRunnable("fanout", [`${workers}`], {
    file: "tests/bench/peers/fanout.ts",
    listeners: Math.max(1, workers),
    permissions: ["-A"],
  });
  const ports = server.urls.map(({ port }) => Number(port));
  const listeners = new Listeners(USERS / rooms);
  try {
    for (let i = 0; i < USERS; i++) {
      const port = ports[Math.floor(i / rooms) % ports.length]!;
      await listeners.join(port, `${i % rooms}`);
    }
    const rate = DELIVERIES / (USERS / rooms);
    await listeners.talk(Math.ceil(rate * WARMUP), rate);
    const lines = Math.ceil(rate * SECONDS);
    const from = sampleCpu([server.pid]);
    await listeners.talk(lines, rate);
    const to = sampleCpu([server.pid]);
    const { cores, thread } = cpuUse(from, to, [server.pid]);
    const each = (share: number) => share * (to.at - from.at) / 1000 / lines;
    return { all: each(cores), thread: each(thread) };
  } finally {
    listeners.close();
  }
}

/** The connections, which count lines and drop them. */
class Listeners {
  readonly #conns: Deno.TcpConn[] = [];
  readonly #encoder = new TextEncoder();
  readonly #size: number;
  #missing = 0;
  #done = Promise.withResolvers<void>();

  /** @param size The number of connections in a room. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Opens a connection in a room. */
  async join(port: number, room: string): Promise<void> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(this.#encoder.encode(`${room}\n`));
    this.#conns.push(conn);
    await conn.read(new Uint8Array(16));
    void this.#hear(conn);
  }

  /** Sends lines at a rate, and waits until all connections of their rooms have them. */
  async talk(lines: number, perSecond: number): Promise<void> {
    this.#done = Promise.withResolvers();
    this.#missing = lines * this.#size;
    const line = this.#encoder.encode("a line and some words as people write them\n");
    const started = performance.now();
    for (let i = 0; i < lines;) {
      const due = Math.min(lines, Math.ceil((performance.now() - started) / 1000 * perSecond));
      for (; i < due; i++) {
        await this.#conns[(i * 7919) % this.#conns.length]!.write(line);
      }
      await delay(2);
    }
    await within(60_000, "the last line", this.#done.promise);
  }

  /** Closes all connections. */
  close(): void {
    for (const conn of this.#conns) conn.close();
  }

  async #hear(conn: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (let count; (count = await conn.read(buffer)) !== null;) {
        for (let i = 0; i < count; i++) if (buffer[i] === 10) this.#missing--;
        if (this.#missing === 0) this.#done.resolve();
      }
    } catch { /* The connection is closed. */ }
  }
}
