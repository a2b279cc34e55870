/** A Worker for tests: says which one it is, and crashes when it is told to. */

import { serveTcp } from "../../net/tcp_server.ts";
import { runWorker } from "../../net/workers.ts";

runWorker(({ hostname, port, index, data }) =>
  serveTcp({ hostname, port, sharePort: true }, async (conn) => {
    for await (const line of conn.lines()) {
      if (line === "crash") setTimeout(() => Promise.reject(new Error("told to")));
      else if (line === "stuck") { while (true) { /* For ever. */ } }
      else await conn.write(`${index} ${data} ${line}\n`);
    }
  })
);
