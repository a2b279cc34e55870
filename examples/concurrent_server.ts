#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A server for many clients at once: every line is answered with `Message received`.
 *
 * No client can hurt another: each has its own time limits, an over-long line costs an error
 * reply and no memory, and one connection too many waits for a free place or is refused.
 *
 * ```sh
 * deno task concurrent-server --max-connections 100
 * nc 127.0.0.1 8002
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; with `--workers` `--allow-read` for this folder, too
 *
 * @module
 */

import { serveTcp } from "../net/tcp/server.ts";
import { serveWithWorkers } from "../net/tcp/workers.ts";
import { type CliIo, defineCli, serverFlags } from "../tools/cli.ts";
import { answerLines } from "./concurrent/worker.ts";

const cli = defineCli({
  name: "concurrent-server",
  summary: "Answers every line of many clients at once (TCP).",
  flags: {
    ...serverFlags(8002),
    workers: { type: "integer", default: 1, min: 1, max: 64, help: "Threads that share the port" },
    maxConnections: { type: "integer", default: 10, min: 0, help: "Clients per worker; 0: any" },
    whenFull: {
      type: "choice",
      choices: ["wait", "refuse"],
      default: "wait",
      help: "What one client more meets",
    },
    maxLine: { type: "size", default: "64KiB", min: "1", max: "16MiB", help: "Longest line" },
    idleTimeout: { type: "duration", default: "60s", help: "Longest silence of a client; 0: any" },
    backlog: { type: "integer", default: 511, min: 1, max: 65535, help: "Clients that may queue" },
    keepAlive: { type: "boolean", default: true, help: "Let the system look for dead peers" },
    nagle: { type: "boolean", help: "Collect small writes: fewer packets, later answers" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "listen there",
    "--allow-read=<folder>": "only with --workers: of this program's files",
  },
  examples: ["deno task concurrent-server", "nc 127.0.0.1 8002"],
});

/**
 * Runs the server.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(
    args,
    io,
    async ({ drain, nagle, workers, maxLine, ...flags }, ctx) => {
      const options = { ...flags, noDelay: !nagle };
      const data = { ...options, maxLine };
      const module = import.meta.resolve("./concurrent/worker.ts");
      const folder = import.meta.resolve("../");
      await using server = workers > 1
        ? await serveWithWorkers({ ...flags, module, folder, workers, data })
        : serveTcp(options, async (conn) => {
          ctx.log.info("{peer} connected", { peer: conn.peer });
          await answerLines(conn, maxLine);
          ctx.log.info("{peer} left", { peer: conn.peer });
        });
      ctx.listening(server);
      await ctx.untilShutdown(server, { drain });
    },
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
