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
 * For users on other machines, put a reverse proxy with TLS in front of the page, and name both:
 * `--allow-host chat.example --trust-proxy 127.0.0.1`.
 *
 * With `--bus`, several chats share their users, rooms and messages over Redis.
 *
 * `chat/lobby.ts` has the rules of the chat. `chat/terminal.ts` serves terminals, `chat/web.ts` serves
 * browsers. `chat/archive/` keeps the messages.
 *
 * **Permissions**: `--allow-net=127.0.0.1`; with `--store`, also `--allow-read` and `--allow-write` for
 * the folder of the file; with `--bus`, also `--allow-net` for its servers
 *
 * @module
 */

import { type CliIo, defineCli } from "../tools/cli.ts";
import { flags } from "./chat/options.ts";
import { runChat } from "./chat/run_chat.ts";
import { STORE_HELP } from "./chat/store_flags.ts";

const cli = defineCli({
  name: "chat",
  summary: "A chat for terminals and browsers.",
  flags,
  description: STORE_HELP,
  permissions: {
    "--allow-net=127.0.0.1": "listen on this address",
    "--allow-read=FOLDER --allow-write=FOLDER":
      "with --store: the folder of the file and of attached files",
    "--allow-net=HOST:PORT": "with --bus: the servers",
    "--allow-env=PORTSIDE_BUS_PASSWORD": "with --bus: only for a password of the environment",
  },
  examples: [
    "deno task chat",
    "nc 127.0.0.1 9000",
    "deno task chat --lang zh --no-web",
    "deno task chat:store --keep 90d",
    "deno run --allow-net examples/chat.ts --bus redis://127.0.0.1:6379",
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
  return cli.run(args, io, (values, ctx) => runChat(values, ctx));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
