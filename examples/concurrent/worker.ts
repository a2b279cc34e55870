/**
 * What `concurrent_server.ts` does with each connection, and what each of its Workers runs.
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { ServeTcpOptions } from "../../net/tcp/server_options.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { runWorker } from "../../net/tcp/workers.ts";

/** What a Worker is told; only what can be cloned. */
export interface WorkerSettings extends ServeTcpOptions {
  /** The longest line in bytes. */
  maxLine: number;
}

/**
 * Answers every line, a line that is too long with an error; the rest of that one is skipped.
 *
 * @param conn The connection.
 * @param max The longest line in bytes.
 */
export async function answerLines(conn: Connection, max: number): Promise<void> {
  while (true) {
    try {
      if (await conn.readLine({ max }) === null) return;
      await conn.write("Message received\n");
    } catch (error) {
      if (!(error instanceof NetError && error.phase === "read" && error.kind === "limit")) {
        throw error;
      }
      await conn.write(`Error: a line may have ${max} bytes\n`);
    }
  }
}

runWorker(({ hostname, port, data }) => {
  const { maxLine, ...options } = data as WorkerSettings;
  const where = { hostname, port, sharePort: true };
  return serveTcp({ ...options, ...where }, (conn) => answerLines(conn, maxLine));
});
