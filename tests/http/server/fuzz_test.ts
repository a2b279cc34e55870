/**
 * Clients that send anything, in any pieces, and leave at any moment and in any way, against
 * handlers of every kind. In all cases, each request completes once, each body ends or is
 * cancelled once, no response reaches another request, and nothing is left.
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import * as net from "node:net";
import { type HttpInfo, serveHttp } from "../../../http/server/server.ts";
import { fuzzSeeds, moreFuzz } from "../../_support/fuzz_runs.ts";
import { Random } from "../../_support/stress/random.ts";
import { until } from "../../_support/until.ts";

/** The result of a request. */
interface Record {
  readonly id: string;
  aborted: number;
  completed: number;
  ended: number;
  cancelled: number;
  streams: boolean;
}

/** A handler that acts by the letters of its path. */
async function handle(request: Request, info: HttpInfo, records: Record[]): Promise<Response> {
  const { pathname: does, searchParams } = new URL(request.url);
  const number = (name: string) => Number(searchParams.get(name));
  const id = searchParams.get("id")!;
  const record: Record = { id, aborted: 0, completed: 0, ended: 0, cancelled: 0, streams: false };
  records.push(record);
  const completed = () => void record.completed++;
  info.completed.then(completed, completed);
  if (does.includes("s")) request.signal.addEventListener("abort", () => record.aborted++);
  if (does.includes("h")) await info.sendEarlyHints({ link: "</x>" });
  if (does.includes("t")) info.sendTrailers(["x-t"], () => ({ "x-t": "1" }), { optional: true });
  if (does.includes("r")) await request.text().catch(() => {});
  else if (does.includes("p")) await request.body?.getReader().read().catch(() => {});
  else if (does.includes("b")) request.text().catch(() => {});
  if (does.includes("w")) await delay(number("wait"));
  if (does.includes("g")) return new Response(`<${id}>`);
  record.streams = true;
  let left = number("chunks");
  const size = does.includes("l") ? 3000 : 1;
  return new Response(
    new ReadableStream({
      async pull(controller) {
        if (left-- === 0) {
          if (does.includes("z")) return await new Promise(() => {});
          record.ended++;
          return controller.close();
        }
        if (number("pause") > 0) await delay(number("pause"));
        if (record.cancelled > 0) return;
        controller.enqueue(new TextEncoder().encode(`<${id}>`.repeat(size)));
      },
      cancel: () => void record.cancelled++,
    }, { highWaterMark: 0 }),
  );
}

/** Some pipelined requests, at times cut off or with garbage behind them. */
function requests(random: Random, ids: readonly string[]): string {
  let text = "";
  for (const id of ids) {
    const letters = Array.from("shtrpbwl").filter(() => random.below(3) === 0).join("");
    const does = letters + (random.below(2) === 0 ? "g" : random.below(5) === 0 ? "z" : "");
    const query = `id=${id}&wait=${random.below(20)}&chunks=${random.below(5)}&pause=${
      random.below(3) * random.below(8)
    }`;
    const version = random.below(8) === 0 ? "1.0" : "1.1";
    const head = `/${does}?${query} HTTP/${version}\r\nHost: h\r\n`;
    if (random.below(2) === 0) text += `GET ${head}\r\n`;
    else if (version === "1.0" || random.below(2) === 0) {
      const length = random.below(random.below(3) === 0 ? 100_000 : 20);
      const expect = random.below(3) === 0 ? "Expect: 100-continue\r\n" : "";
      text += `POST ${head}${expect}Content-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
    } else {
      const chunks = "5\r\nhello\r\n".repeat(random.below(5));
      text += `POST ${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX-T: a\r\n\r\n`;
    }
  }
  if (random.below(3) === 0) return text.slice(0, random.below(text.length));
  return random.below(12) === 0 ? `${text}\0garbage\r\n\r\n` : text;
}

async function closed(socket: net.Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

/** Runs one client. Returns the ids in the bytes that it has received. */
async function client(
  port: number,
  random: Random,
  ids: readonly string[],
): Promise<string[]> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let received = "";
  socket.on("error", () => {});
  socket.on("data", (bytes) => received += bytes.toString());
  const text = requests(random, ids);
  for (let at = 0; at < text.length && !socket.destroyed;) {
    const size = 1 + random.below(random.below(4) === 0 ? 40 : 100_000);
    socket.write(text.slice(at, at + size));
    at += size;
    if (random.below(3) === 0) await delay(random.below(5));
  }
  if (random.below(6) === 0) socket.pause();
  await delay(random.below(4) === 0 ? 0 : random.below(100));
  if (random.below(2) === 0) {
    socket.end();
    await delay(random.below(600));
  }
  if (random.below(2) === 0) socket.destroy();
  else socket.resetAndDestroy();
  await closed(socket);
  return Array.from(received.matchAll(/<(\w+)>/g), ([, id]) => id!);
}

for (const seed of fuzzSeeds(1, 2)) {
  Deno.test(`serveHttp() hardened keeps its books with any clients (seed ${seed})`, async () => {
    const random = new Random(seed);
    const records: Record[] = [];
    const unexpected: unknown[] = [];
    await using server = serveHttp({
      hardened: true,
      maxRequests: 0,
      maxConnections: 0,
      idleTimeout: 500,
      headTimeout: 1000,
      writeTimeout: 1000,
      bodyTimeout: 1000,
      handlerTimeout: 3000,
      onEvent: (event) => {
        if (event.type === "error" && !event.expected) unexpected.push(event.error);
      },
    }, (request, info) => handle(request, info, records));
    const disorder: string[] = [];
    const one = async (number: number) => {
      const ids = Array.from({ length: 1 + random.below(4) }, (_, i) => `${number}x${i}`);
      const order = (await client(server.addr.port, random, ids)).map((id) => ids.indexOf(id));
      if (order.some((at, i) => at < (order[i - 1] ?? 0))) disorder.push(`${ids}: ${order}`);
    };
    for (let round = 0; round < 5 || moreFuzz(); round++) {
      await Promise.all(Array.from({ length: 40 }, (_, i) => one(round * 40 + i)));
    }
    await until(() => server.stats().active === 0);
    assertEquals([disorder, unexpected], [[], []]);
    await until(() => records.every(({ completed }) => completed === 1));
    for (const record of records) {
      const { streams, ended, cancelled, aborted } = record;
      const whole = streams ? ended + cancelled : 1;
      assertEquals([whole, aborted <= 1], [1, true], JSON.stringify(record));
    }
  });
}
