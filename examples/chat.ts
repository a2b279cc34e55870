#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A chat for terminals and browsers.
 *
 * In a terminal, the first line is your name. Every further line is sent to all other users in the
 * room. Users of the web page are in the same rooms.
 *
 * ```sh
 * deno task chat
 * nc 127.0.0.1 9000
 * ```
 *
 * For users on other machines, put a reverse proxy with TLS in front of the page. All browsers then have
 * the address of the proxy, so let the proxy limit the connections of an address:
 * `--allow-host chat.example --max-connections-per-address 0`.
 *
 * `chat/lobby.ts` has the rules of the chat. `chat/terminal.ts` serves terminals, `chat/web.ts` serves
 * browsers. `chat/archive/` keeps the messages.
 *
 * **Permissions**: `--allow-net=127.0.0.1`; with `--store`, also `--allow-read` and `--allow-write` for
 * the folder of the file
 *
 * @module
 */

import { type CliIo, defineCli } from "../tools/cli.ts";
import {
  addressRates,
  flags,
  lobbyOptions,
  terminalLimits,
  terminalServer,
  webOptions,
} from "./chat/options.ts";
import { Lobby } from "./chat/lobby.ts";
import { openChatStore } from "./chat/store.ts";
import { runStoreCommand } from "./chat/store_commands.ts";
import { STORE_HELP } from "./chat/store_flags.ts";
import { serveTerminals } from "./chat/terminal.ts";
import { serveChatWeb } from "./chat/web.ts";

const cli = defineCli({
  name: "chat",
  summary: "A chat for terminals and browsers.",
  flags,
  description: STORE_HELP,
  permissions: {
    "--allow-net=127.0.0.1": "listen on this address",
    "--allow-read=FOLDER --allow-write=FOLDER": "with --store: the folder of the file",
  },
  examples: [
    "deno task chat",
    "nc 127.0.0.1 9000",
    "deno task chat --lang zh --no-web",
    "deno task chat:store --keep 90d",
  ],
});

/**
 * Runs the chat until a signal stops it.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, ctx) => {
    if (await runStoreCommand(values, ctx)) return;
    await using store = openChatStore(values, ctx.log);
    const lobby = new Lobby(lobbyOptions(values, store.archive, ctx.log));
    await lobby.restore();
    const rates = addressRates(values);
    const browsers = webOptions(values, rates, () => terminals.stats());
    await using terminals = serveTerminals(
      lobby,
      terminalLimits(values, rates),
      terminalServer(values, ctx.log),
    );
    await using web = values.web ? serveChatWeb(lobby, browsers) : undefined;
    ctx.listening(terminals);
    if (web !== undefined) ctx.listening(web);
    store.announce();
    // Terminals first: their shutdown sends the farewell to all users, also to those in browsers.
    const servers = web === undefined ? [terminals] : [terminals, web];
    await ctx.untilShutdown(servers, { drain: values.drain });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
