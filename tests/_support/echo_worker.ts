/** A Worker for tests: says which one it is, and ends or hangs as it is told. */

import { serveTcp } from "../../net/tcp/server.ts";
import { runWorker } from "../../net/tcp/workers.ts";

runWorker(({ hostname, port, index, data }) =>
  serveTcp({ hostname, port, sharePort: true }, async (conn) => {
    for await (const line of conn.lines()) {
      if (line === "crash") setTimeout(() => Promise.reject(new Error("told to")));
      else if (line === "exit") Deno.exit(3);
      else if (line === "close") (globalThis as unknown as Worker & { close(): void }).close();
      else if (line === "stuck") { while (true) { /* For ever. */ } }
      else await conn.write(`${index} ${data} ${line}\n`);
    }
  })
);
