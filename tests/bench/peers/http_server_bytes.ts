/**
 * JSON answers to GET and POST by a bare loop on `Deno.listen`: it looks for the end of a head, takes
 * the request line and the length, and writes one buffer. The floor for any HTTP server in
 * TypeScript on Deno; it checks nothing and limits nothing.
 *
 * @module
 */

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function answer(status: string, message: string): Uint8Array<ArrayBuffer> {
  const body = JSON.stringify({ message });
  return encoder.encode(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n` +
      `date: ${new Date().toUTCString()}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

/** Answers the request at the front of `text`; undefined if it is not there whole. */
function take(text: string): { answer: Uint8Array<ArrayBuffer>; rest: string } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const length = lines.find((line) => /^content-length:/i.test(line))?.slice(15);
  const next = end + 4 + Number(length ?? 0);
  if (next > text.length) return undefined;
  const rest = text.slice(next);
  const [method, target] = first.split(" ");
  if (target !== "/hello") return { answer: answer("404 Not Found", "Not found"), rest };
  const message = method === "POST"
    ? JSON.parse(text.slice(end + 4, next)).message
    : "Hello, World!";
  return { answer: answer("200 OK", message), rest };
}

async function serve(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  let text = "";
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, n));
      for (let taken; (taken = take(text)) !== undefined; text = taken.rest) {
        const bytes = taken.answer;
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
