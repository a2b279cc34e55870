/** Asks an echo server over and over on ten bare connections, lent by hand. @module */

import { measure } from "./_pool_load.ts";

const port = Number(Deno.args[0]);
const free: Deno.TcpConn[] = [];
const waiting: Array<(conn: Deno.TcpConn) => void> = [];
for (let i = 0; i < 10; i++) {
  const conn = await Deno.connect({ port });
  conn.setNoDelay();
  free.push(conn);
}
await measure(async (message) => {
  const conn = free.pop() ?? await new Promise<Deno.TcpConn>((resolve) => waiting.push(resolve));
  for (let at = 0; at < message.length;) at += await conn.write(message.subarray(at));
  const answer = new Uint8Array(message.length);
  for (let at = 0; at < answer.length;) at += (await conn.read(answer.subarray(at)))!;
  const next = waiting.shift();
  if (next) next(conn);
  else free.push(conn);
});
