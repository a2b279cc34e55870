/**
 * The connection handler of `concurrent_server.ts`, and the module that its Workers run.
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

/** The settings of a Worker. They are sent by structured clone, so they contain no functions. */
export interface WorkerSettings extends ServeTcpOptions {
  /** The maximum length of a line, in bytes. */
  maxLine: number;
}

/**
 * Answers every line. A line that is too long gets an error, and the rest of it is skipped.
 *
 * @param conn The connection of the client.
 * @param max The maximum length of a line, in bytes.
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
      await conn.write(`Error: a line may have at most ${max} bytes\n`);
    }
  }
}

runWorker(({ hostname, port, data }) => {
  const { maxLine, ...options } = data as WorkerSettings;
  const where = { hostname, port, sharePort: true };
  return serveTcp({ ...options, ...where }, (conn) => answerLines(conn, maxLine));
});
