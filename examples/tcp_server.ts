#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TCP server that reads one message from each client, answers `Hello, Client!` and closes.
 *
 * TCP is a stream of bytes without messages. This program treats the bytes of one read as the
 * message. `concurrent_server.ts` reads lines, which have a definite end.
 *
 * ```sh
 * deno task tcp-server
 * echo 'Hello!' | nc 127.0.0.1 8000
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { serveTcp } from "../net/tcp/server.ts";
import { type CliIo, defineCli, serverFlags } from "../tools/cli.ts";

const cli = defineCli({
  name: "tcp-server",
  summary: "Reads one message per connection, answers it and closes (TCP).",
  flags: {
    ...serverFlags(8000),
    readTimeout: { type: "duration", default: "30s", help: "Idle time of a client; 0: no limit" },
    maxConnections: { type: "integer", default: 1024, min: 0, help: "Clients; 0: no limit" },
    backlog: { type: "integer", default: 511, min: 1, max: 65535, help: "Pending connections" },
    keepAlive: { type: "boolean", default: true, help: "Detect dead peers (keep-alive)" },
    nagle: { type: "boolean", help: "Collect small writes: fewer packets, more latency" },
  },
  permissions: { "--allow-net=127.0.0.1": "listen on this address" },
  examples: [
    "deno task tcp-server",
    "deno task tcp-server --port 0 --read-timeout 5s --json",
    "echo 'Hello!' | nc 127.0.0.1 8000",
  ],
});

/**
 * Runs the server.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ drain, nagle, ...options }, ctx) => {
    await using server = serveTcp({ ...options, noDelay: !nagle }, async (conn) => {
      const chunk = await conn.readChunk();
      if (chunk === null) return;
      const message = new TextDecoder().decode(chunk).trimEnd();
      ctx.log.info("{peer} says: {message}", { peer: conn.peer, message });
      await conn.write("Hello, Client!");
    });
    ctx.listening(server);
    await ctx.untilShutdown(server, { drain });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
