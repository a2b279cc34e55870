#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TCP server that answers every line of many concurrent clients with `Message received`.
 *
 * No client affects another one. Each connection has its own time limits. A line that is too long
 * gets an error reply and uses no memory. Connections above the limit wait or are refused.
 *
 * ```sh
 * deno task concurrent-server --max-connections 100
 * nc 127.0.0.1 8002
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; with `--workers` also `--allow-read` for this repository
 *
 * @module
 */

import { serveTcp } from "../net/tcp/server.ts";
import { serveWithWorkers } from "../net/tcp/workers.ts";
import { type CliIo, defineCli, serverFlags } from "../tools/cli.ts";
import { answerLines } from "./concurrent/worker.ts";

const cli = defineCli({
  name: "concurrent-server",
  summary: "Answers every line of many concurrent clients (TCP).",
  flags: {
    ...serverFlags(8002),
    workers: { type: "integer", default: 1, min: 1, max: 64, help: "Workers that share the port" },
    maxConnections: { type: "integer", default: 10, min: 0, help: "Per Worker; 0: no limit" },
    whenFull: {
      type: "choice",
      choices: ["wait", "refuse"],
      default: "wait",
      help: "Whether more clients wait or are refused",
    },
    maxLine: { type: "size", default: "64KiB", min: "1", max: "16MiB", help: "Maximum line size" },
    idleTimeout: { type: "duration", default: "60s", help: "Idle time of a client; 0: no limit" },
    backlog: { type: "integer", default: 511, min: 1, max: 65535, help: "Pending connections" },
    keepAlive: { type: "boolean", default: true, help: "Detect dead peers (keep-alive)" },
    nagle: { type: "boolean", help: "Collect small writes: fewer packets, more latency" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "listen on this address",
    "--allow-read=<folder>": "only with --workers: the files of this repository",
  },
  examples: ["deno task concurrent-server", "nc 127.0.0.1 8002"],
});

/**
 * Runs the server.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(
    args,
    io,
    async ({ drain, nagle, workers, maxLine, ...flags }, ctx) => {
      const { hostname, port } = flags;
      const options = { ...flags, noDelay: !nagle };
      const data = { ...options, maxLine };
      const module = import.meta.resolve("./concurrent/worker.ts");
      const folder = import.meta.resolve("../");
      await using server = workers > 1
        ? await serveWithWorkers({ hostname, port, module, folder, workers, data })
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
