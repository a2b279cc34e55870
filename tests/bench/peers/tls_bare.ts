/** An echo server on `Deno.listenTls`: the least that a correct loop has to do. @module */

const BUFFER = 64 * 1024;
const [certFile = "", keyFile = ""] = Deno.args;

const listener = Deno.listenTls({
  hostname: "127.0.0.1",
  port: 0,
  cert: Deno.readTextFileSync(certFile),
  key: Deno.readTextFileSync(keyFile),
});
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
while (true) {
  try {
    echo(await listener.accept());
  } catch { /* A handshake that failed. */ }
}

async function echo(conn: Deno.TlsConn): Promise<void> {
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
