/** An echo server on the bare API of Deno: the least that a correct loop has to do. @module */

const BUFFER = 64 * 1024;

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) echo(conn);

async function echo(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay();
  const buffer = new Uint8Array(BUFFER);
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      let data = buffer.subarray(0, n);
      while (true) {
        const written = await conn.write(data);
        if (written === data.length) break;
        data = data.subarray(written);
      }
    }
  } catch { /* The peer broke off. */ }
  conn.close();
}
