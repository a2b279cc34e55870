#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A chat that people use from a terminal and from a browser at the same time.
 *
 * In a terminal, the first line is your name, and every line after that goes to everyone else in
 * the room. The page in the browser is the same room.
 *
 * ```sh
 * deno task chat
 * nc 127.0.0.1 9000
 * ```
 *
 * Beyond this machine, put a reverse proxy before the page: it brings TLS. To the chat everyone then
 * comes from its address, so the proxy limits what one address may do:
 * `--allow-host chat.example --max-connections-per-address 0`.
 *
 * The rules are in `chat/lobby.ts`; `chat/terminal.ts` and `chat/web.ts` are its two faces.
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { type CliIo, defineCli } from "../tools/cli.ts";
import { flags, lobbyOptions, terminalLimits, terminalServer, webOptions } from "./chat/options.ts";
import { Lobby } from "./chat/lobby.ts";
import { serveTerminals } from "./chat/terminal.ts";
import { serveChatWeb } from "./chat/web.ts";

const cli = defineCli({
  name: "chat",
  summary: "A chat for terminals and browsers.",
  flags,
  permissions: { "--allow-net=127.0.0.1": "listen there" },
  examples: ["deno task chat", "nc 127.0.0.1 9000", "deno task chat --lang zh --no-web"],
});

/**
 * Runs the chat until it is told to stop.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, ctx) => {
    const lobby = new Lobby(lobbyOptions(values, ctx.log));
    const browsers = webOptions(values, () => terminals.stats());
    await using terminals = serveTerminals(
      lobby,
      terminalLimits(values),
      terminalServer(values, ctx.log),
    );
    await using web = values.web ? serveChatWeb(lobby, browsers) : undefined;
    ctx.listening(terminals);
    if (web !== undefined) ctx.listening(web);
    // The terminals come first: their end tells everyone in the chat, those in browsers too.
    const servers = web === undefined ? [terminals] : [terminals, web];
    await ctx.untilShutdown(servers, { drain: values.drain });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
