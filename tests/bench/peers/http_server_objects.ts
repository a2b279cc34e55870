/**
 * JSON answers to GET and POST by the same bare loop as `http_server_bytes.ts`, with the objects that
 * a handler expects: it makes `Headers` and a `Request` of each head, and reads headers and body of
 * the `Response` that the handler returns.
 *
 * @module
 */

const decoder = new TextDecoder();
const encoder = new TextEncoder();

async function handle(request: Request): Promise<Response> {
  if (!request.url.endsWith("/hello")) return new Response(null, { status: 404 });
  const message = request.method === "POST" ? (await request.json()).message : "Hello, World!";
  return Response.json({ message });
}

/** The request at the front of `text`; undefined if it is not there whole. */
function take(text: string): { request: Request; rest: string } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Headers(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  const next = end + 4 + Number(headers.get("content-length") ?? 0);
  if (next > text.length) return undefined;
  const [method = "", target] = first.split(" ");
  const body = next === end + 4 ? null : text.slice(end + 4, next);
  const url = `http://${headers.get("host")}${target}`;
  return { request: new Request(url, { method, headers, body }), rest: text.slice(next) };
}

async function encode(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  let head = `HTTP/1.1 ${response.status} ${response.ok ? "OK" : "Not Found"}\r\n`;
  for (const [name, value] of response.headers) head += `${name}: ${value}\r\n`;
  const body = await response.text();
  head += `date: ${new Date().toUTCString()}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return encoder.encode(head + body);
}

async function serve(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  let text = "";
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, n));
      for (let taken; (taken = take(text)) !== undefined; text = taken.rest) {
        const bytes = await encode(await handle(taken.request));
        for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      }
    }
  } catch { /* The client has gone. */ }
  conn.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on http://127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) {
  conn.setNoDelay();
  void serve(conn);
}
