#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A UDP client that sends a datagram, repeats it if no answer arrives, and prints the answer.
 *
 * ```sh
 * deno task udp-client --message 'Hello, Server!'
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { connectUdp } from "../net/udp/socket.ts";
import { badValue, type CliIo, defineCli } from "../tools/cli.ts";

const cli = defineCli({
  name: "udp-client",
  summary: "Sends a datagram and prints the answer (UDP).",
  flags: {
    hostname: { type: "host", default: "127.0.0.1", alias: "host", help: "IP address of the peer" },
    port: { type: "port", default: 8001, min: 1, help: "Port of the peer" },
    message: { type: "string", default: "Hello, Server!", alias: "m", help: "Text to send" },
    timeout: { type: "duration", default: "1s", min: "1ms", help: "First wait; it doubles" },
    resends: { type: "integer", default: 3, min: 0, max: 10, help: "Number of resends" },
  },
  permissions: { "--allow-net=127.0.0.1": "send to this address; name other hosts the same way" },
  examples: ["deno task udp-client", "deno task udp-client --timeout 200ms --resends 5 --json"],
});

/**
 * Runs the client.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, { signal, print, printJson }) => {
    const { port, message, timeout, resends, json } = values;
    // Answers are matched by their IP address, so a host name is not enough.
    const hostname = values.hostname === "localhost" ? "127.0.0.1" : values.hostname;
    if (!/^[\d.]+$|:/.test(hostname)) throw badValue("--hostname", hostname, "an IP address");
    await using socket = await connectUdp({ hostname, port });
    const started = performance.now();
    const { data } = await socket.request(message, undefined, { timeout, resends, signal });
    const reply = new TextDecoder().decode(data);
    const ms = Math.round(performance.now() - started);
    if (json) printJson({ peer: `${hostname}:${port}`, reply, ms, sent: socket.stats().sent });
    else print(reply);
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
