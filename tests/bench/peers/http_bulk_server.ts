/** Sends as many bytes as the path says, and counts those of a POST. Arguments: certificate and key. @module */

const [cert, key] = Deno.args.map((file) => Deno.readTextFileSync(file));
const secure = cert === undefined || key === undefined ? {} : { cert, key };
const CHUNK = new Uint8Array(65_536);

function bytes(size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.length));
      left -= chunk.length;
      controller.enqueue(chunk);
      if (left === 0) controller.close();
    },
  });
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  ...secure,
  onListen: ({ port }) =>
    console.log(`listening on http${cert === undefined ? "" : "s"}://127.0.0.1:${port}`),
}, async (request) => {
  if (request.method === "POST") {
    let size = 0;
    for await (const chunk of request.body!) size += chunk.length;
    return new Response(`${size}`);
  }
  const size = Number(new URL(request.url).pathname.slice(1));
  return new Response(bytes(size), { headers: { "content-length": `${size}` } });
});
