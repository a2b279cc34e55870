/** Answers every line, on `serveTcp` and `lines()`. @module */

import { serveTcp } from "../../../net/tcp/server.ts";

const server = serveTcp({ port: 0, maxConnections: 0, idleTimeout: 0 }, async (conn) => {
  for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
});
console.log(`listening on ${server.url}`);
