/** Plays one folder of small messages: all of them, or the one that is asked for. @module */

import { joinedBytes } from "../../../net/internal/joined_bytes.ts";

const [amount = ""] = Deno.args;
const encoder = new TextEncoder();
const text = "a line of a small message\r\n".repeat(20);
const messages = Array.from(
  { length: Number(amount) },
  (_, i) =>
    encoder.encode(`* ${i + 1} FETCH (UID ${i + 1} BODY[TEXT] {${text.length}}\r\n${text})\r\n`),
);
const folder = joinedBytes(messages);
const found = encoder.encode(`* SEARCH ${messages.map((_, i) => i + 1).join(" ")}\r\n`);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) void serve(conn).catch(() => conn.close());

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay();
  await send(conn, encoder.encode("* OK ready\r\n"));
  const buffer = new Uint8Array(4096);
  let asked = "";
  for (let n; (n = await conn.read(buffer)) !== null;) {
    asked += new TextDecoder().decode(buffer.subarray(0, n));
    const lines = asked.split("\r\n");
    asked = lines.pop()!;
    for (const line of lines) {
      const [tag, verb, what, set] = line.split(" ");
      const parts = [encoder.encode(`${tag} OK done\r\n`)];
      if (verb === "CAPABILITY") parts.unshift(encoder.encode("* CAPABILITY IMAP4rev1\r\n"));
      if (verb === "UID" && what === "SEARCH") parts.unshift(found);
      if (verb === "UID" && what === "FETCH") parts.unshift(messages[Number(set) - 1] ?? folder);
      await send(conn, joinedBytes(parts));
    }
  }
  conn.close();
}

async function send(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
