/** A Worker of workers_ours.ts: about a tenth of a millisecond of work, then the echo. @module */

import { serveTcp } from "../../../net/tcp/server.ts";
import { runWorker } from "../../../net/tcp/workers.ts";

runWorker(({ hostname, port }) => {
  return serveTcp({ hostname, port, sharePort: true }, async (conn) => {
    const buffer = new Uint8Array(64 * 1024);
    for (let n; (n = await conn.read(buffer)) !== null;) {
      work();
      await conn.write(buffer.subarray(0, n));
    }
  });
});

/** What a handler that computes something does to its core. */
function work(): number {
  let hash = 0;
  for (let i = 0; i < 100_000; i++) hash = (Math.imul(hash, 31) + i) | 0;
  return hash;
}
