/** Takes every message. @module */

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) void serve(conn);

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay();
  const send = (text: string) => conn.write(new TextEncoder().encode(text));
  await send("220 sink\r\n");
  const buffer = new Uint8Array(65_536);
  let text = "";
  let data = false;
  for (let n; (n = await conn.read(buffer).catch(() => null)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, n));
    let out = "";
    while (true) {
      const end = data ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
      if (end === -1) break;
      const line = text.slice(0, end);
      text = text.slice(end + (data ? 5 : 2));
      if (data) out += "250 taken\r\n";
      else if (/^EHLO/i.test(line)) out += "250-sink\r\n250 PIPELINING\r\n";
      else if (/^DATA/i.test(line)) out += "354 go on\r\n";
      else out += /^QUIT/i.test(line) ? "221 bye\r\n" : "250 ok\r\n";
      data = !data && /^DATA/i.test(line);
    }
    if (out !== "") await send(out);
  }
  conn.close();
}
