#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A UDP server that answers every datagram with `Hello, Client!`. It can join multicast groups.
 *
 * ```sh
 * deno task udp-server
 * echo 'Hello!' | nc -u -w1 127.0.0.1 8001
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { NetError } from "../net/errors/errors.ts";
import { bindUdp } from "../net/udp/socket.ts";
import { type CliIo, defineCli, serverFlags } from "../tools/cli.ts";

const cli = defineCli({
  name: "udp-server",
  summary: "Answers every datagram (UDP).",
  flags: {
    ...serverFlags(8001),
    join: { type: "list", placeholder: "group", help: "Multicast group to join" },
    interface: { type: "string", placeholder: "address", help: "Interface for --join" },
    inbox: { type: "integer", default: 1024, min: 1, help: "Receive queue, in datagrams" },
    maxSize: { type: "size", default: "65507", min: "1", max: "65507", help: "Longest datagram" },
  },
  permissions: { "--allow-net=127.0.0.1": "listen on this address and answer" },
  examples: [
    "deno task udp-server",
    "deno run -A examples/udp_server.ts --hostname 0.0.0.0 --join 239.255.0.1",
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
  return cli.run(args, io, async (values, ctx) => {
    const { hostname, port, maxSize, inbox, join, interface: on } = values;
    const limits = { maxSize, inbox: { limit: inbox }, reuseAddress: join.length > 0 };
    await using socket = await bindUdp({ hostname, port, signal: ctx.signal, ...limits });
    for (const group of join) await socket.joinMulticast(group, on ? { interface: on } : {});
    ctx.listening(socket);
    for await (const { data, from, truncated } of socket) {
      const message = new TextDecoder().decode(data).trimEnd();
      const peer = `${from.hostname}:${from.port}`;
      ctx.log.info("{peer} says: {message}", { peer, message, truncated });
      await socket.send("Hello, Client!", from).catch((error) => {
        // A failure to answer one peer must not stop the server.
        if (!(error instanceof NetError)) throw error;
        ctx.log.warn("{error}", { error: error.message });
      });
    }
    ctx.log.info("stopped: {stats}", { stats: socket.stats() });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
