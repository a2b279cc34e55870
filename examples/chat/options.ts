/**
 * The flags of the chat, and the options of its parts that follow from them.
 *
 * @module
 */

import { hostOf, publicNames, TRUST_PROXY } from "../http/public_names.ts";
import type { ServerStats, ServeTcpOptions } from "../../net/tcp/server_options.ts";
import { badValue, type CliLog, type CliValues, type None, serverFlags } from "../../tools/cli.ts";
import { storeFlags } from "./store_flags.ts";
import { busFlags } from "./bus/bus_flags.ts";
import { AddressRates } from "./address_rate.ts";
import type { Archive } from "./archive/archive.ts";
import { fileFlags } from "./files/file_flags.ts";
import type { FileHandlerOptions } from "./files/http.ts";
import type { LobbyEvent, LobbyOptions } from "./lobby_options.ts";
import type { Metric } from "./prometheus.ts";
import { CHARSETS } from "./telnet/charset.ts";
import type { TerminalLimits } from "./terminal.ts";
import type { ChatWebOptions } from "./web.ts";

/** The flags of `examples/chat.ts`. */
export const flags = {
  ...serverFlags(9000),
  webPort: { type: "port", default: 9080, help: "Port of the web page; 0: any free port" },
  web: { type: "boolean", default: true, help: "Serve the web page" },
  lang: {
    type: "choice",
    choices: ["en", "zh"],
    default: "en",
    help: "Language in terminals; the page follows the browser",
  },
  charset: {
    type: "choice",
    choices: CHARSETS,
    default: "utf-8",
    help: "Character encoding of terminals; /charset changes that of one terminal",
  },
  rate: {
    type: "number",
    default: 10,
    min: 0,
    max: 1e6,
    help: "Lines per second and user; joins per second and address; 0: no limit",
  },
  burst: {
    type: "integer",
    default: 50,
    min: 1,
    max: 1e6,
    help: "Lines of a user at once; joins from an address at once",
  },
  maxLine: {
    type: "size",
    default: "4KiB",
    min: "64",
    max: "64KiB",
    help: "Maximum size of a line",
  },
  sendQueue: {
    type: "size",
    default: "256KiB",
    min: "64KiB",
    max: "64MiB",
    help:
      "Send buffer per user; a user whose buffer is full is disconnected; browsers get 8 times as much",
  },
  maxUsers: { type: "integer", default: 1000, min: 0, help: "Maximum users; 0: no limit" },
  maxRooms: { type: "integer", default: 100, min: 0, help: "Maximum open rooms; 0: no limit" },
  maxRoomsPerAddress: {
    type: "integer",
    default: 20,
    min: 0,
    help: "Open rooms that one address opened, unless it has no limit of connections; 0: no limit",
  },
  maxConnectionsPerAddress: {
    type: "integer",
    default: 256,
    min: 0,
    help: "Terminals, and browsers, from one address; 0: no limit",
  },
  history: {
    type: "integer",
    default: 500,
    min: 0,
    max: 100_000,
    help: "Messages of a room that a newcomer is shown; the page loads older ones",
  },
  replay: {
    type: "integer",
    default: 20,
    min: 0,
    max: 1000,
    help: "Messages shown to new terminals",
  },
  ...storeFlags,
  ...fileFlags,
  ...busFlags,
  grace: {
    type: "duration",
    default: "60s",
    help: "Time for which a browser that lost its connection keeps its name and rooms",
  },
  nameTimeout: { type: "duration", default: "30s", help: "Time to enter a name; 0: no limit" },
  pingInterval: {
    type: "duration",
    default: "30s",
    help: "Interval of pings; a browser that does not answer is disconnected; 0: never",
  },
  idleTimeout: { type: "duration", default: "0", help: "Idle time of a terminal; 0: no limit" },
  allowHost: {
    type: "list",
    help: "Public host name of the page",
  },
  allowOrigin: {
    type: "list",
    help: "Site that may connect, such as https://chat.example",
  },
  trustProxy: TRUST_PROXY,
} as const;

/** The time in which a silent terminal ends whose network is gone, in milliseconds. */
const DEAD_TERMINAL = 115_000;

/** The parsed values of the flags. */
export type ChatFlags = CliValues<typeof flags, None>;

/** Returns the options of the lobby. */
export function lobbyOptions(values: ChatFlags, archive: Archive, log: CliLog): LobbyOptions {
  const { history, grace, maxUsers, maxRooms, maxLine, maxFile } = values;
  return {
    archive,
    now: Date.now,
    secret: () => crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" }),
    history,
    grace,
    maxUsers,
    maxRooms,
    maxRoomsPerAddress: isShared(values) ? 0 : values.maxRoomsPerAddress,
    // A lost connection keeps as much as an open one.
    maxAwayPerAddress: values.maxConnectionsPerAddress,
    maxLine,
    maxFile,
    onEvent: (event) => logEvent(log, event),
  };
}

/** Returns whether many users share an address, as behind a reverse proxy. */
function isShared({ maxConnectionsPerAddress }: ChatFlags): boolean {
  return maxConnectionsPerAddress === 0;
}

/** Returns the rate limits of an address. */
export function addressRates(values: ChatFlags): AddressRates {
  return new AddressRates(values.rate, values.burst, isShared(values));
}

/** Returns the limits of each terminal. */
export function terminalLimits(values: ChatFlags, rates: AddressRates): TerminalLimits {
  const { lang, charset, replay, nameTimeout, idleTimeout, maxLine, rate, burst, sendQueue } =
    values;
  return {
    lang,
    charset,
    replay,
    nameTimeout,
    idleTimeout,
    maxLine,
    rate,
    burst,
    sendQueue,
    rates,
  };
}

/** Returns the options of the TCP server for terminals. */
export function terminalServer(values: ChatFlags, log: CliLog): ServeTcpOptions {
  const { hostname, port, maxUsers, maxConnectionsPerAddress, sendQueue } = values;
  return {
    hostname,
    port,
    // Messages of other users count as activity here, so the terminal measures its own idle time.
    idleTimeout: 0,
    deadPeerTimeout: DEAD_TERMINAL,
    maxConnectionsPerAddress,
    // Twice as many, because users without a name count, too, and must be told that the chat is full.
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

/** The parts of the chat that the web side shares. */
export interface WebParts {
  /** The rate limits of addresses. */
  readonly rates: AddressRates;
  /** The attached files. */
  readonly files: FileHandlerOptions | undefined;
  /** Returns the counters of the terminals. */
  readonly terminals: () => ServerStats;
  /** Returns the metrics of the bus. */
  readonly bus: (() => readonly Metric[]) | undefined;
}

/** Returns the options of the web side, with the metrics of the terminals. */
export function webOptions(
  values: ChatFlags,
  { rates, files, terminals, bus }: WebParts,
): ChatWebOptions {
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
    ...publicNames([], values.trustProxy),
    pingInterval: values.pingInterval,
    sendQueue,
    // JSON can encode a byte as six characters. A join can name fifty rooms.
    maxMessage: maxLine * 6 + 16 * 1024,
    rates,
    rate,
    burst,
    nameTimeout,
    files,
    metrics() {
      const { active, refused } = terminals();
      return [
        {
          name: "chat_terminal_connections",
          help: "Connected terminals.",
          type: "gauge",
          value: active,
        },
        {
          name: "chat_terminal_turned_away_total",
          help: "Refused terminals.",
          type: "counter",
          value: refused,
        },
        ...bus?.() ?? [],
      ];
    },
  };
}

/** Returns an origin in the form of the header field `Origin`. */
function originOf(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:/.test(url.origin) && url.href === `${url.origin}/`) {
    return url.origin;
  }
  throw badValue("--allow-origin", text, "a site such as https://chat.example");
}

/** Logs joins, leaves and refusals. Messages are never logged. */
function logEvent(log: CliLog, event: LobbyEvent): void {
  const { type, ...properties } = event;
  if (type === "not-stored" || type === "not-readable") {
    return log.error(LOG_LINES[type], properties);
  }
  // Refused names are normal. Refusals by a limit matter to the operator.
  const normal = type === "refused" && event.code.startsWith("name-");
  log[normal ? "debug" : "info"](LOG_LINES[type], properties);
}

const LOG_LINES: Readonly<Record<LobbyEvent["type"], string>> = {
  joined: "{name} joined #{room} from {address}",
  resumed: "{name} is back in #{room} from {address}",
  away: "{name} lost the connection from {address}: {reason}",
  left: "{name} left #{room} from {address}: {reason}",
  renamed: "{from} is now {to}",
  entered: "{name} entered #{room}, and stays in the other rooms",
  exited: "{name} left #{room}, and stays in the other rooms",
  moved: "{name} went from #{from} to #{to}",
  refused: "refused {address}: {code}",
  "not-stored": "messages cannot be stored: {reason}",
  "not-readable": "messages cannot be read: {reason}",
};
