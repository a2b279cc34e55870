#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Sends its arguments, or the lines of standard input, over a WebSocket and prints the answers.
 *
 * ```sh
 * deno task ws-client '{"hello":"world"}'
 * deno task ws-client --url ws://127.0.0.1:8765 --follow
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`, and `--allow-read=FILE` for `--ca`, `--cert` and `--key`;
 * `--allow-read`, `--allow-write` and `--allow-net=unix:FILE` for `--unix-socket`
 *
 * @module
 */

import { type CliIo, defineCli } from "../tools/cli.ts";
import { connectWebSocket, type ReconnectEvent, type WsMessage } from "../ws/mod.ts";
import { CONNECTION_FLAGS, connectionOf } from "./ws/connection.ts";
import { readLines } from "./ws/lines.ts";
import { refuse, report } from "./ws/reports.ts";

const cli = defineCli({
  name: "ws-client",
  summary: "Sends messages over a WebSocket and prints the answers.",
  flags: {
    url: { type: "string", default: "ws://127.0.0.1:8765", help: "URL of the server" },
    timeout: { type: "duration", default: "10s", help: "Time limit for an answer; 0: none" },
    ...CONNECTION_FLAGS,
    follow: { type: "boolean", help: "Keep printing messages, and reconnect after a loss" },
  },
  positionals: { message: { type: "list", optional: true, help: "Text to send; default: stdin" } },
  permissions: {
    "--allow-net=127.0.0.1": "connect there",
    "--allow-read=<file>": "only with --ca, --cert, --key, --unix-socket",
    "--allow-write=<file>": "only with --unix-socket",
    "--allow-net=unix:<file>": "only with --unix-socket",
  },
  examples: ['deno task ws-client \'{"hello":"world"}\'', "deno task ws-client --follow hi"],
});

/**
 * Runs the client.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ url, follow, timeout, message, json, ...values }, ctx) => {
    const options = { ...await connectionOf(url, values), signal: ctx.signal };
    const show = (answer: WsMessage) => {
      const message = typeof answer === "string" ? answer : `<${answer.length} bytes>`;
      return json ? ctx.printJson({ message }) : ctx.print(message);
    };
    const say = (signal: AbortSignal) => message.length > 0 ? message : readLines(signal);
    if (follow) {
      const onEvent = (event: ReconnectEvent) => report(event, ctx.log);
      const reconnect = { onEvent, keep: 1024 * 1024 };
      await using conn = await connectWebSocket(url, { ...options, reconnect }).catch(refuse);
      const sendAll = async () => {
        for await (const line of say(conn.signal)) await conn.send(line);
      };
      const showAll = async () => {
        for await (const answer of conn) show(answer);
      };
      await Promise.all([sendAll(), showAll()]);
    } else {
      await using conn = await connectWebSocket(url, options).catch(refuse);
      for await (const line of say(ctx.signal)) {
        await conn.send(line);
        const answer = await conn.receive({ timeout, signal: ctx.signal });
        if (answer === null) break;
        show(answer);
      }
    }
    ctx.signal.throwIfAborted();
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
