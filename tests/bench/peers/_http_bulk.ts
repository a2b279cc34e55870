/** What the clients of large bodies and of many URLs share. @module */

import process from "node:process";

/** The size of a warm-up and of the measured body in bytes. */
const [WARM, SIZE] = [20e6, 200e6];
/** The number of URLs before memory is read first, and of all. */
const [FEW, MANY] = [2000, 10_000];
/** The number of chunks between two readings of the memory. */
const CHUNKS = 64;

const [port = "", work = "down", ca = ""] = Deno.args;
const origin = `http${ca === "" ? "" : "s"}://127.0.0.1:${port}`;

/** The authority of the server's certificate in PEM; undefined without TLS. */
export const authority: string | undefined = ca === "" ? undefined : Deno.readTextFileSync(ca);

/** What a client does. */
export interface BulkClient {
  /** Returns the body of the response to a GET. */
  get(url: string): Promise<ReadableStream<Uint8Array>>;
  /** Sends a body, and returns the text of the response. */
  post(url: string, body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string>;
  /** Reads the bodies of many URLs, and returns their number. */
  getAll(urls: Iterable<string>): Promise<number>;
}

/** Does the work that the arguments name, and tells its size, time, CPU time and memory. */
export async function measureBulk(client: BulkClient): Promise<void> {
  const run = work === "urls" ? urls : work === "up" ? upload : download;
  await run(client, work === "urls" ? FEW : WARM);
  const before = process.cpuUsage();
  const resident = Deno.memoryUsage().rss;
  const began = performance.now();
  const count = work === "urls" ? MANY - FEW : SIZE;
  const most = await run(client, count);
  const ns = Math.round((performance.now() - began) * 1e6);
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) * 1000;
  console.log(`end ${JSON.stringify({ count, ns, cpu, grown: most - resident })}`);
  Deno.exit(0);
}

async function download(client: BulkClient, size: number): Promise<number> {
  let [got, most, n] = [0, 0, 0];
  for await (const chunk of await client.get(`${origin}/${size}`)) {
    got += chunk.length;
    if (n++ % CHUNKS === 0) most = Math.max(most, Deno.memoryUsage().rss);
  }
  if (got !== size) throw new Error(`${got} bytes instead of ${size}`);
  return most;
}

async function upload(client: BulkClient, size: number): Promise<number> {
  let [left, most, n] = [size, 0, 0];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (n++ % CHUNKS === 0) most = Math.max(most, Deno.memoryUsage().rss);
      const chunk = new Uint8Array(Math.min(left, 65_536));
      left -= chunk.length;
      controller.enqueue(chunk);
      if (left === 0) controller.close();
    },
  });
  const told = await client.post(origin, body);
  if (told !== `${size}`) throw new Error(`${told} bytes instead of ${size}`);
  return most;
}

async function urls(client: BulkClient, count: number): Promise<number> {
  const all = Array.from({ length: count }, (_, i) => `${origin}/100?${i}`);
  const done = await client.getAll(all);
  if (done !== count) throw new Error(`${done} responses instead of ${count}`);
  return Deno.memoryUsage().rss;
}
