/**
 * Streams a body up and another one down, and tells how much the memory of this process, which is
 * both client and server, has grown meanwhile. Takes the transport and the number of bytes.
 *
 * @module
 */

import { createClient } from "../../../http/client/client.ts";
import { serveHttp } from "../../../http/server/server.ts";

const [transport, size] = [Deno.args[0], Number(Deno.args[1])];
const chunk = new Uint8Array(64 * 1024);

function* body(): Generator<Uint8Array<ArrayBuffer>> {
  for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}

await using server = serveHttp({
  hardened: transport === "hardened",
  maxBody: 2 * size,
  handlerTimeout: 0,
  bodyTimeout: 0,
}, async (request) => {
  if (request.method === "GET") return new Response(ReadableStream.from(body()));
  let count = 0;
  for await (const piece of request.body!) count += piece.length;
  return new Response(`${count}`);
});
await using client = createClient({
  baseUrl: server.url,
  maxBody: 2 * size,
  timeouts: { headers: 0 },
});

const round = async () => {
  const sent = await client.put("/", { body: ReadableStream.from(body()) }).text();
  let count = 0;
  const response = await client.get("/");
  for await (const piece of response.body!) count += piece.length;
  if (Number(sent) !== size || count !== size) throw new Error(`${sent} up, ${count} down`);
};

const begin = Deno.memoryUsage().rss;
let most = 0;
const timer = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 20);
await round();
clearInterval(timer);
console.log(`grown by ${((most - begin) / 2 ** 20).toFixed(1)} MiB`);
