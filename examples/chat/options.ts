/**
 * The flags of the chat, and what they mean for its parts.
 *
 * @module
 */

import { hostOf } from "../http/public_names.ts";
import type { ServerStats, ServeTcpOptions } from "../../net/tcp/server_options.ts";
import { badValue, type CliLog, type CliValues, type None, serverFlags } from "../../tools/cli.ts";
import type { LobbyEvent, LobbyOptions } from "./lobby_options.ts";
import type { TerminalLimits } from "./terminal.ts";
import type { ChatWebOptions } from "./web.ts";

/** The flags of `examples/chat.ts`. */
export const flags = {
  ...serverFlags(9000),
  webPort: { type: "port", default: 9080, help: "Port of the web page; 0 is any free one" },
  web: { type: "boolean", default: true, help: "Serve the web page too" },
  lang: {
    type: "choice",
    choices: ["en", "zh"],
    default: "en",
    help: "Language of notices: en, zh; the page follows the browser",
  },
  rate: {
    type: "number",
    default: 10,
    min: 0,
    max: 1e6,
    help: "Lines a second and user, users a second and address; 0: any",
  },
  burst: {
    type: "integer",
    default: 50,
    min: 1,
    max: 1e6,
    help: "Lines at once and user, users at once and address",
  },
  maxLine: { type: "size", default: "4KiB", min: "64", max: "64KiB", help: "Longest line" },
  sendQueue: {
    type: "size",
    default: "256KiB",
    min: "64KiB",
    max: "64MiB",
    help: "What may wait for a user who does not read, before he is let go; as JSON eightfold",
  },
  maxUsers: { type: "integer", default: 1000, min: 0, help: "Users at once; 0: any" },
  maxRooms: { type: "integer", default: 100, min: 0, help: "Rooms at once; 0: any" },
  maxConnectionsPerAddress: {
    type: "integer",
    default: 256,
    min: 0,
    help: "Connections at once from one address, for terminals and pages each; 0: any",
  },
  history: { type: "integer", default: 500, min: 0, max: 100_000, help: "Events a room remembers" },
  replay: { type: "integer", default: 20, min: 0, max: 1000, help: "Lines a newcomer is shown" },
  nameTimeout: { type: "duration", default: "30s", help: "Time to give a name; 0: any" },
  pingInterval: {
    type: "duration",
    default: "30s",
    help: "How often a silent browser is pinged, and let go if it has not answered; 0: never",
  },
  idleTimeout: { type: "duration", default: "0", help: "Longest silence of a terminal; 0: any" },
  allowHost: {
    type: "list",
    help: "A name that the page may be asked for by, besides its address",
  },
  allowOrigin: {
    type: "list",
    help: "A site that may open the chat, such as https://chat.example",
  },
} as const;

/** The values of the flags. */
export type ChatFlags = CliValues<typeof flags, None>;

/** What the rules of the chat need. */
export function lobbyOptions(values: ChatFlags, log: CliLog): LobbyOptions {
  const { history, maxUsers, maxRooms, maxLine } = values;
  return {
    now: Date.now,
    secret: () => crypto.randomUUID(),
    history,
    maxUsers,
    maxRooms,
    maxLine,
    onEvent: (event) => logEvent(log, event),
  };
}

/** The limits of each terminal. */
export function terminalLimits(values: ChatFlags): TerminalLimits {
  const { lang, replay, nameTimeout, idleTimeout, maxLine, rate, burst, sendQueue } = values;
  return { lang, replay, nameTimeout, idleTimeout, maxLine, rate, burst, sendQueue };
}

/** Where terminals connect, and the limits of their connections. */
export function terminalServer(values: ChatFlags, log: CliLog): ServeTcpOptions {
  const { hostname, port, maxUsers, maxConnectionsPerAddress, sendQueue } = values;
  return {
    hostname,
    port,
    // What the others say keeps no silent one here, so the limit is the terminal's own.
    idleTimeout: 0,
    maxConnectionsPerAddress,
    // Room for those who have no name yet, so that the one too many is told that the chat is full.
    maxConnections: maxUsers * 2,
    whenFull: "refuse",
    sendQueue: { limit: sendQueue, policy: "disconnect" },
    onEvent(event) {
      if (event.type !== "refused") return;
      const { remoteAddr: { hostname }, reason } = event;
      log.info("turned away {hostname}: {reason}", { hostname, reason });
    },
  };
}

/** Where browsers connect, the limits of their connections, what /metrics tells of the terminals. */
export function webOptions(values: ChatFlags, terminals: () => ServerStats): ChatWebOptions {
  const { hostname, webPort, lang, sendQueue, maxLine, rate, burst, nameTimeout, maxUsers } =
    values;
  return {
    hostname,
    port: webPort,
    lang,
    allowHosts: values.allowHost.map(hostOf),
    allowOrigins: values.allowOrigin.map(originOf),
    maxConnections: maxUsers * 2,
    maxConnectionsPerAddress: values.maxConnectionsPerAddress,
    pingInterval: values.pingInterval,
    sendQueue,
    // JSON may write a byte as six characters, and needs some of its own.
    maxMessage: maxLine * 6 + 1024,
    rate,
    burst,
    nameTimeout,
    metrics() {
      const { active, refused } = terminals();
      return [
        {
          name: "chat_terminal_connections",
          help: "Terminals now.",
          type: "gauge",
          value: active,
        },
        {
          name: "chat_terminal_turned_away_total",
          help: "Terminals turned away.",
          type: "counter",
          value: refused,
        },
      ];
    },
  };
}

/** An origin as browsers write it in `Origin`. */
function originOf(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:/.test(url.origin) && url.href === `${url.origin}/`) {
    return url.origin;
  }
  throw badValue("--allow-origin", text, "a site such as https://chat.example");
}

/** One line in the log: who came and went, never what was said. */
function logEvent(log: CliLog, event: LobbyEvent): void {
  const { type, ...properties } = event;
  // A name that is taken or mistyped is everyday life; a limit is for the operator to know.
  const limit = type !== "refused" || event.code === "full" || event.code === "rooms-full";
  log[limit ? "info" : "debug"](LOG_LINES[type], properties);
}

const LOG_LINES: Readonly<Record<LobbyEvent["type"], string>> = {
  joined: "{name} joined #{room} from {address}",
  resumed: "{name} is back in #{room} from {address}",
  left: "{name} left #{room} from {address}: {reason}",
  renamed: "{from} is now {to}",
  moved: "{name} went from #{from} to #{to}",
  refused: "refused {address}: {code}",
};
