/** Asks an echo server over and over through `createPool`. Takes port, users, size and seconds. @module */

import { createPool } from "../../../net/pool/pool.ts";
import { measure } from "./_pool_load.ts";

const port = Number(Deno.args[0]);
await using pool = createPool({ maxPerHost: 10 });
await measure(async (message) => {
  await using lease = await pool.acquire({ port });
  await lease.connection.write(message);
  await lease.connection.readExact(message.length);
  lease.keep();
});
