/** Answers every line, on the bare API of Deno, with a small buffer for each connection. @module */

const BUFFER = 1024;

const encoder = new TextEncoder();
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) answer(conn);

async function answer(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(BUFFER);
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      const lines = (rest + decoder.decode(buffer.subarray(0, n), { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        let data = encoder.encode(`you said ${line}\n`);
        while (data.length > 0) data = data.subarray(await conn.write(data));
      }
    }
  } catch { /* The peer broke off. */ }
  conn.close();
}
