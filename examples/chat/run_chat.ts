/**
 * Runs the chat with its store, its files and its two servers.
 *
 * @module
 */

import type { CliContext } from "../../tools/cli.ts";
import { openBusStore } from "./bus/bus_flags.ts";
import { busMetrics } from "./bus/bus_metrics.ts";
import { openChatFiles } from "./files/file_flags.ts";
import { Lobby } from "./lobby.ts";
import type { LobbyOptions } from "./lobby_options.ts";
import {
  addressRates,
  type ChatFlags,
  lobbyOptions,
  terminalLimits,
  terminalServer,
  webOptions,
} from "./options.ts";
import { type ChatStore, openChatStore } from "./store.ts";
import { runStoreCommand } from "./store_commands.ts";
import { serveTerminals } from "./terminal.ts";
import { serveChatWeb } from "./web.ts";

/**
 * Runs the chat until a signal stops it, or carries out a command for its store.
 *
 * @param values The parsed values of all flags.
 * @param ctx The context of the running program.
 * @param hooks Functions that the chat calls at the steps of a line, for tests.
 */
export async function runChat(
  values: ChatFlags,
  ctx: CliContext,
  hooks: Pick<LobbyOptions, "onStep"> = {},
): Promise<void> {
  if (await runStoreCommand(values, ctx)) return;
  const bus = await openBusStore(values, ctx.log);
  await using store: ChatStore = bus ?? openChatStore(values, ctx.log);
  await using opened = await openChatFiles(values, store.archive, bus?.archive.blobs);
  const lobby = new Lobby({ ...lobbyOptions(values, store.archive, ctx.log), ...hooks });
  await lobby.restore();
  const rates = addressRates(values);
  const files = opened && {
    files: opened.files,
    userOf: (token: string) => lobby.userOf(token),
  };
  const browsers = webOptions(values, {
    rates,
    files,
    terminals: () => terminals.stats(),
    bus: bus && (() => busMetrics(bus.archive, lobby)),
  });
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
}
