#!/usr/bin/env -S deno run --allow-net
/**
 * A forward proxy for HTTP and, by CONNECT, for HTTPS and WebSockets.
 *
 * By default it serves only this machine, refuses private addresses, and allows CONNECT only to port
 * 443. It logs one line for each request: client, method, target, status, bytes from and to the client,
 * and the milliseconds until the connection, until the start of the response, and until the end. A `-`
 * replaces a missing time.
 *
 * ```sh
 * deno task proxy
 * curl -x http://127.0.0.1:8888 http://example.com/
 * ```
 *
 * It can forward requests to other proxies by target. With the PROXY protocol, it can send the address of
 * the client to servers, and receive it from a load balancer.
 *
 * **Permissions**: `--allow-net`
 *
 * @module
 */

import { type ProxyEntry, serveProxy } from "../http/proxy/proxy.ts";
import type { ServerEvent } from "../net/tcp/server_options.ts";
import { type CliIo, defineCli, readPem } from "../tools/cli.ts";
import { proxyOptions, withSecrets } from "./proxy/arguments.ts";
import { logEntry } from "./proxy/entry_line.ts";
import { FLAGS } from "./proxy/flags.ts";

const cli = defineCli({
  name: "proxy",
  summary: "Forwards HTTP and CONNECT. By default, only to public addresses.",
  flags: FLAGS,
  permissions: {
    "--allow-net": "listen, resolve names, and connect to the requested targets",
    "--allow-env=PORTSIDE_AUTH,PORTSIDE_UPSTREAM": "only for a login of the environment",
    "--allow-read=<file>": "only with --upstream-ca, --auth-file or --upstream-file",
  },
  examples: [
    "deno task proxy",
    "deno task proxy --auth-file logins.txt --connect-port 443 --connect-port 8443",
    "deno task proxy --upstream .corp.example=direct --upstream socks5h://127.0.0.1:1080",
    "curl -x http://127.0.0.1:8888 http://example.com/",
  ],
});

/**
 * Runs the proxy.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ drain, ...values }, ctx) => {
    const onEntry = (entry: ProxyEntry) => logEntry(ctx.log, entry);
    const files = values.upstreamCa.map((file) => readPem(file, "CERTIFICATE"));
    const upstreamCa = await Promise.all(files);
    const options = proxyOptions({ ...await withSecrets(values), upstreamCa });
    const onEvent = (event: ServerEvent) => {
      if (event.type !== "handshake-error") return;
      // A TCP health check sends no data.
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
