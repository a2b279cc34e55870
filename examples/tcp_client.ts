#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TCP client that sends `Hello, Server!` and prints the reply.
 *
 * ```sh
 * deno task tcp-server &
 * deno task tcp-client --message 'Hello from here'
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { connectTcp } from "../net/tcp/client.ts";
import { type CliIo, defineCli } from "../tools/cli.ts";

const cli = defineCli({
  name: "tcp-client",
  summary: "Sends one message and prints the reply (TCP).",
  flags: {
    hostname: { type: "host", default: "127.0.0.1", alias: "host", help: "Server to connect to" },
    port: { type: "port", default: 8000, min: 1, help: "Port of the server" },
    message: { type: "string", default: "Hello, Server!", alias: "m", help: "Text to send" },
    connectTimeout: { type: "duration", default: "10s", help: "Time limit for connecting" },
    readTimeout: { type: "duration", default: "10s", help: "Time limit for the reply" },
    keepAlive: { type: "boolean", default: true, help: "Detect dead peers (keep-alive)" },
    nagle: { type: "boolean", help: "Collect small writes: fewer packets, more latency" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "connect to this address; name other hosts the same way",
  },
  examples: [
    "deno task tcp-client",
    "deno task tcp-client --port 8002 --message 'a line for the concurrent server'",
  ],
});

/**
 * Runs the client.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, { signal, log, print, printJson }) => {
    const { message, connectTimeout, nagle, json, ...options } = values;
    const limits = { ...options, timeout: connectTimeout, noDelay: !nagle, signal };
    await using conn = await connectTcp(limits);
    log.debug("connected to {peer}", { peer: conn.peer });
    await conn.write(message);
    // Ends the output, so that a server that waits for the end of a line or stream answers, too.
    await conn.closeWrite();
    // The reply can arrive in several chunks. It is complete when the server closes.
    for await (const reply of conn.lines({ signal })) {
      if (json) printJson({ peer: conn.peer, reply });
      else print(reply);
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
