/**
 * Large bodies by `serveHttp`: `/bytes` and `/stream` give 16 MiB, `/` takes a body. The first
 * argument is "hardened" or "deno"; with "bare" it is `Deno.serve` without anything around it.
 *
 * @module
 */

import { serveHttp } from "../../../http/server/server.ts";

const SIZE = 16 * 1024 * 1024;
const PIECE = 64 * 1024;
const bytes = new Uint8Array(SIZE);

function stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = SIZE;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(PIECE));
      if ((left -= PIECE) === 0) controller.close();
    },
  });
}

async function handle(request: Request): Promise<Response> {
  if (request.url.endsWith("/bytes")) return new Response(bytes);
  if (request.url.endsWith("/stream")) return new Response(stream());
  let size = 0;
  for await (const chunk of request.body ?? []) size += chunk.length;
  return Response.json({ size });
}

const [kind] = Deno.args;
const onListen = ({ port }: { port: number }) =>
  console.log(`listening on http://127.0.0.1:${port}`);
if (kind === "bare") Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, handle);
else serveHttp({ onListen, hardened: kind === "hardened", maxBody: 2 * SIZE }, handle);
