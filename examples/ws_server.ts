#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A WebSocket server that answers each JSON message with
 * `{"status":"success","message":"Message received"}`, and anything else with an error.
 *
 * ```sh
 * deno task ws-server
 * deno task ws-client '{"hello":"world"}'
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { type CliIo, defineCli, serverFlags } from "../tools/cli.ts";
import { serveWebSocket } from "../ws/server/server.ts";
import { ALLOW_HOST, publicNames } from "./http/public_names.ts";
import { checkOrigins } from "./ws/arguments.ts";

const cli = defineCli({
  name: "ws-server",
  summary: "Answers each JSON message with a status (WebSocket).",
  flags: {
    ...serverFlags(8765),
    maxConnections: { type: "integer", default: 1024, min: 0, help: "Most clients; 0: any" },
    maxMessageSize: { type: "size", default: "1MiB", min: "1", help: "Largest message" },
    rate: { type: "number", default: 0, min: 0, help: "Messages per second and client; 0: any" },
    pingInterval: { type: "duration", default: "30s", help: "Interval of pings; 0: never" },
    allowHost: ALLOW_HOST,
    allowOrigin: { type: "list", placeholder: "origin", help: "Allowed origin of pages; *: any" },
  },
  permissions: { "--allow-net=127.0.0.1": "listen there" },
  examples: ["deno task ws-server", "deno task ws-server --port 0 --rate 10 --json"],
});

/**
 * Runs the server.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ drain, rate, allowHost, allowOrigin, ...options }, ctx) => {
    checkOrigins(allowOrigin);
    await using server = serveWebSocket({
      ...options,
      ...(rate > 0 && { rate: { perSecond: rate } }),
      ...publicNames(allowHost),
      ...(allowOrigin.length > 0 && {
        allowedOrigins: allowOrigin.includes("*") ? "*" : allowOrigin,
      }),
      onEvent(event) {
        if (event.type === "refused") ctx.log.info("{peer} refused: {status}", event);
      },
    }, async (conn) => {
      ctx.log.info("{peer} connected", { peer: conn.peer });
      const messages = conn.json({
        onInvalid: ({ message }) => conn.sendJson({ status: "error", message }),
      });
      for await (const value of messages) {
        ctx.log.info("{peer} says: {value}", { peer: conn.peer, value: JSON.stringify(value) });
        await conn.sendJson({ status: "success", message: "Message received" });
      }
    });
    ctx.listening(server);
    await ctx.untilShutdown(server, { drain });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
