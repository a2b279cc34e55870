#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Sends its arguments, or the lines of standard input, over a WebSocket and prints the answers.
 *
 * ```sh
 * deno task ws-client '{"hello":"world"}'
 * deno task ws-client --url ws://127.0.0.1:8765 --follow
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { type CliIo, defineCli } from "../tools/cli.ts";
import { connectWebSocket, type WsMessage } from "../ws/mod.ts";
import { readLines } from "./ws/lines.ts";

const cli = defineCli({
  name: "ws-client",
  summary: "Sends messages over a WebSocket and prints the answers.",
  flags: {
    url: { type: "string", default: "ws://127.0.0.1:8765", help: "Where to" },
    connectTimeout: { type: "duration", default: "10s", help: "How long opening may take" },
    timeout: { type: "duration", default: "10s", help: "How long an answer may take; 0: any" },
    header: { type: "list", placeholder: "name: value", help: "A header field of the opening" },
    protocol: { type: "list", placeholder: "name", help: "A subprotocol to offer" },
    follow: { type: "boolean", help: "Stay, print whatever comes, come back when it is lost" },
  },
  positionals: {
    message: { type: "list", optional: true, help: "What to send; without it, stdin" },
  },
  permissions: { "--allow-net=127.0.0.1": "connect there" },
  examples: ['deno task ws-client \'{"hello":"world"}\'', "deno task ws-client --follow hi"],
});

/**
 * Runs the client.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ url, header, protocol, follow, json, ...rest }, ctx) => {
    const headers = header.map((line) => line.split(/:\s*(.*)/s, 2) as [string, string]);
    const { connectTimeout, timeout, message } = rest;
    const options = { timeout: connectTimeout, signal: ctx.signal, headers, protocols: protocol };
    const show = (answer: WsMessage) => {
      const text = typeof answer === "string" ? answer : `<${answer.length} bytes>`;
      if (json) ctx.printJson({ message: text });
      else ctx.print(text);
    };
    const say = message.length > 0 ? message : readLines(ctx.signal);
    if (follow) {
      const onEvent = ({ type }: { type: string }) => ctx.log.info("{type}", { type });
      await using conn = await connectWebSocket(url, { ...options, reconnect: { onEvent } });
      const sending = (async () => {
        for await (const line of say) await conn.send(line);
      })();
      for await (const answer of conn) show(answer);
      return await sending;
    }
    await using conn = await connectWebSocket(url, options);
    for await (const line of say) {
      await conn.send(line);
      const answer = await conn.receive({ timeout, signal: ctx.signal });
      if (answer === null) return;
      show(answer);
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
