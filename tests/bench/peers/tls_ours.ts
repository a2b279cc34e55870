/** An echo server on `serveTls`, with all of its default limits. Takes certificate, key, and engine. @module */

import { serveTls } from "../../../net/tls/server.ts";

const BUFFER = 64 * 1024;
const [certFile = "", keyFile = "", engine] = Deno.args;

const settings = {
  port: 0,
  certFile,
  keyFile,
  ...(engine === "deno" && { engine: "deno" as const }),
};
const server = serveTls(settings, async (conn) => {
  const buffer = new Uint8Array(BUFFER);
  for (let n; (n = await conn.read(buffer)) !== null;) await conn.write(buffer.subarray(0, n));
});
console.log(`listening on ${server.url.replace("tls:", "tcp:")}`);
