#!/usr/bin/env -S deno run --allow-net
/**
 * A forward proxy for HTTP and, by CONNECT, for HTTPS and WebSockets.
 *
 * It serves this machine alone, reaches no private address and no port but 443 by CONNECT, unless
 * it is told otherwise. Every request is one line of the log: client, method, target, status, bytes
 * from and to the client, and the milliseconds until the proxy was connected, until the response
 * began, and until all was over. A `-` stands where there was no such moment.
 *
 * ```sh
 * deno task proxy
 * curl -x http://127.0.0.1:8888 http://example.com/
 * ```
 *
 * It can pass requests on to other proxies, by target, tell servers the address of the client, and
 * be told it by a load balancer (PROXY protocol).
 *
 * **Permissions**: `--allow-net`
 *
 * @module
 */

import { type ProxyEntry, serveProxy } from "../http/proxy/proxy.ts";
import type { ServerEvent } from "../net/tcp/server_options.ts";
import { type CliIo, defineCli, readPem } from "../tools/cli.ts";
import { proxyOptions } from "./proxy/arguments.ts";
import { logEntry } from "./proxy/entry_line.ts";
import { FLAGS } from "./proxy/flags.ts";

const cli = defineCli({
  name: "proxy",
  summary: "Passes HTTP and CONNECT on, to public addresses unless told otherwise.",
  flags: FLAGS,
  permissions: {
    "--allow-net": "listen, look names up, and connect to what is asked for",
    "--allow-read=<file>": "only with --upstream-ca",
  },
  examples: [
    "deno task proxy",
    "deno task proxy --auth alice:secret --connect-port 443 --connect-port 8443",
    "deno task proxy --upstream .corp.example=direct --upstream socks5h://127.0.0.1:1080",
    "curl -x http://127.0.0.1:8888 http://example.com/",
  ],
});

/**
 * Runs the proxy.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ drain, ...values }, ctx) => {
    const onEntry = (entry: ProxyEntry) => logEntry(ctx.log, entry);
    const files = values.upstreamCa.map((file) => readPem(file, "CERTIFICATE"));
    const options = proxyOptions({ ...values, upstreamCa: await Promise.all(files) });
    const onEvent = (event: ServerEvent) => {
      if (event.type !== "handshake-error") return;
      // A health check of TCP alone says nothing.
      const level = event.error.kind === "truncated" ? "debug" : "warn";
      ctx.log[level]("{error}", { error: event.error.message });
    };
    await using server = serveProxy({ ...options, onEntry, onEvent });
    ctx.listening(server);
    await ctx.untilShutdown(server, { drain });
    const counts = "{requests} requests, {tunnels} tunnels, {denied} denied, {failed} failed";
    ctx.log.info(counts, { ...server.stats() });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
