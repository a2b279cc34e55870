import { assertThrows } from "@std/assert";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { Lobby } from "../../../examples/chat/lobby.ts";
import type { LobbyOptions } from "../../../examples/chat/lobby_options.ts";
import { serveTerminals, type TerminalLimits } from "../../../examples/chat/terminal.ts";
import { type ChatWebOptions, serveChatWeb } from "../../../examples/chat/web.ts";
import { checkEveryOption } from "../../_support/options.ts";

const NEEDED = { archive: openArchive(":memory:"), now: () => 0, secret: () => "secret" };

const TERMINAL: TerminalLimits = {
  lang: "en",
  replay: 20,
  charset: "utf-8",
  nameTimeout: 30_000,
  idleTimeout: 0,
  maxLine: 4096,
  rate: 10,
  burst: 50,
  sendQueue: 256 * 1024,
};

const WEB: ChatWebOptions = {
  hostname: "127.0.0.1",
  port: 0,
  lang: "en",
  allowHosts: [],
  allowOrigins: [],
  maxConnections: 100,
  maxConnectionsPerAddress: 0,
  pingInterval: 0,
  sendQueue: 256 * 1024,
  maxMessage: 4096,
  rate: 10,
  burst: 50,
  nameTimeout: 0,
};

Deno.test("Lobby checks every option", async () => {
  await checkEveryOption<LobbyOptions>("Lobby", {
    archive: "none",
    now: "none",
    secret: "none",
    history: "count",
    grace: "time",
    maxAwayPerAddress: "count",
    maxUsers: "count",
    maxRooms: "count",
    maxRoomsPerAddress: "count",
    maxRoomsPerUser: "count",
    maxLine: "count",
    maxLines: "count",
    maxFile: "count",
    onEvent: "none",
    onStep: "none",
  }, (options) => new Lobby({ ...NEEDED, ...options }));
  assertThrows(() => new Lobby({} as LobbyOptions), TypeError, "archive must be an object");
});

Deno.test("serveTerminals() checks every limit", async () => {
  await checkEveryOption<TerminalLimits>("Terminals", {
    lang: "none",
    charset: "none",
    replay: "count",
    nameTimeout: "time",
    idleTimeout: "time",
    maxLine: "count",
    rate: "number",
    burst: "count",
    sendQueue: "integer",
    rates: "none",
  }, async (limits) => {
    const all = { ...TERMINAL, ...limits };
    await using _server = serveTerminals(new Lobby(NEEDED), all, { port: 0 });
  });
});

Deno.test("serveChatWeb() checks every option, and shutdown() its deadline", async () => {
  await checkEveryOption<ChatWebOptions>("serveChatWeb", {
    hostname: "text",
    port: "none",
    lang: "none",
    allowHosts: "none",
    allowOrigins: "none",
    maxConnections: "count",
    maxConnectionsPerAddress: "count",
    trustProxy: "integer",
    pingInterval: "time",
    sendQueue: "integer",
    maxMessage: "count",
    rate: "number",
    burst: "count",
    nameTimeout: "time",
    rates: "none",
    files: "none",
    metrics: "none",
  }, async (options) => {
    await using _web = serveChatWeb(new Lobby(NEEDED), { ...WEB, ...options });
  });
  await using web = serveChatWeb(new Lobby(NEEDED), WEB);
  await checkEveryOption<{ deadline?: number }>(
    "shutdown",
    { deadline: "time" },
    (options) => web.shutdown(options),
  );
});
