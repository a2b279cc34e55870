/** An echo server on `serveTcp`, with all of its default limits. @module */

import { serveTcp } from "../../../net/tcp/server.ts";

const BUFFER = 64 * 1024;

const server = serveTcp({ port: 0 }, async (conn) => {
  const buffer = new Uint8Array(BUFFER);
  for (let n; (n = await conn.read(buffer)) !== null;) await conn.write(buffer.subarray(0, n));
});
console.log(`listening on ${server.url}`);
