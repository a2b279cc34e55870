/** Asks an echo server over and over, with a new connection each time. @module */

import { measure } from "./_pool_load.ts";

const port = Number(Deno.args[0]);
await measure(async (message) => {
  using conn = await Deno.connect({ port });
  conn.setNoDelay();
  for (let at = 0; at < message.length;) at += await conn.write(message.subarray(at));
  const answer = new Uint8Array(message.length);
  for (let at = 0; at < answer.length;) at += (await conn.read(answer.subarray(at)))!;
});
