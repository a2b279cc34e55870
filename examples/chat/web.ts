/**
 * The web side of the chat: the page, its WebSocket, a health check, metrics.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import { serveHttp } from "../../http/server/server.ts";
import { formatAddress, peerNetwork } from "../../net/address.ts";
import { upgrade as openWebSocket } from "../../ws/server/upgrade.ts";
import { Door } from "./door.ts";
import { formatMetrics, type Metric, METRICS_TYPE } from "./metrics.ts";
import type { Lobby } from "./lobby.ts";
import {
  hostAllowed,
  originAllowed,
  preparePage,
  textResponse,
  type Visitors,
} from "./web_page.ts";
import { WebCrowd } from "./web_crowd.ts";
import {
  encodeEvent,
  type WebSide,
  type WebSocketCounts,
  WebSocketFace,
  type WebSocketLimits,
} from "./web_socket.ts";
import { type Lang, preferredLang } from "./words.ts";

/** Options of {@linkcode serveChatWeb}. */
export interface ChatWebOptions extends Visitors, WebSocketLimits {
  /** The port to listen on; 0 takes a free one. */
  readonly port: number;
  /** The language for browsers that ask for neither. */
  readonly lang: Lang;
  /** The most WebSockets at a time; 0 lifts it. */
  readonly maxConnections: number;
  /** The most WebSockets from one address; 0 lifts it, as behind a proxy, where all come from one. */
  readonly maxConnectionsPerAddress: number;
  /** How often a silent browser is pinged, in milliseconds; 0 for never. */
  readonly pingInterval: number;
  /** Metrics besides the chat's own. */
  readonly metrics?: () => readonly Metric[];
}

/** The running web side. */
export interface ChatWeb extends AsyncDisposable {
  /** Where the page is. */
  readonly url: string;
  /** Resolves when it has shut down. */
  readonly finished: Promise<void>;
  /** Lets requests and sockets end until the deadline in milliseconds, then cuts them. */
  shutdown(options?: { deadline?: number }): Promise<void>;
}

/** Messages of a flooding browser that may wait for their turn; until there is room, no more are read. */
const MAX_INBOX = 200;

/** How many times longer than in a terminal a short line is as JSON, so how much more may wait. */
const JSON_FACTOR = 8;

/** The most WebSockets of one address that have not joined, where addresses are told apart. */
const MAX_NAMELESS = 16;

/** How many connections leave room for the page beside so many WebSockets. */
const roomFor = (sockets: number) => sockets === 0 ? 0 : Math.max(2 * sockets, 128);

const logger = getLogger(["portside", "chat", "web"]);

/**
 * Starts the web side.
 *
 * @param lobby The chat.
 * @param options Where to listen, and the limits.
 * @returns The running server.
 * @throws {NetError} In phase "listen".
 */
export function serveChatWeb(lobby: Lobby, options: ChatWebOptions): ChatWeb {
  const page = preparePage(options.lang);
  const started = performance.now();
  /** Every WebSocket with the address, of IPv6 the network, that it comes from. */
  const faces = new Map<WebSocketFace, string>();
  const turnedAway = { host: 0, origin: 0, full: 0, address: 0 };
  const counts: WebSocketCounts = { throttled: 0 };
  const side: WebSide = {
    lobby,
    crowd: new WebCrowd(encodeEvent),
    door: new Door(options.rate, options.burst),
    limits: options,
    counts,
  };
  let stopping = false;

  async function upgrade(request: Request, remote: Deno.NetAddr): Promise<Response> {
    const network = peerNetwork(remote.hostname);
    let [open, here, nameless] = [0, 0, 0];
    for (const [face, address] of faces) {
      // One that is told to close and does not answer holds no place of those who talk.
      if (face.closing) continue;
      open++;
      if (address !== network) continue;
      here++;
      if (!face.joined) nameless++;
    }
    const turnAway = (why: keyof typeof turnedAway, status: number, text: string) => {
      turnedAway[why]++;
      logger.info("{peer} turned away: {why}", { peer: formatAddress(remote), why });
      return textResponse(status, text, status === 503 ? { "retry-after": "10" } : {});
    };
    if (!originAllowed(request, options)) {
      return turnAway("origin", 403, "This page may not open the chat: see --allow-origin\n");
    }
    const { maxConnections: most, maxConnectionsPerAddress: each } = options;
    if (stopping || (most > 0 && open >= most)) {
      return turnAway("full", 503, "The chat is full\n");
    }
    if (each > 0 && (here >= each || nameless >= MAX_NAMELESS)) {
      return turnAway("address", 503, "Too many connections from this address\n");
    }
    const lang = preferredLang(request.headers.get("accept-language")) ?? options.lang;
    const { response, connection } = await openWebSocket(request, { remoteAddr: remote }, {
      allowedOrigins: "*", // They have been looked at above.
      pingInterval: options.pingInterval,
      maxMessageSize: options.maxMessage,
      inbox: { limit: MAX_INBOX, maxBytes: options.sendQueue, policy: "wait" },
      // So much in the socket, and as much again behind it.
      outbox: { limit: options.sendQueue * JSON_FACTOR / 2 },
    });
    if (connection === undefined) return response;
    const face = new WebSocketFace(connection, side, { network, lang });
    faces.set(face, network);
    face.gone.then(() => faces.delete(face));
    return response;
  }

  function metrics(): string {
    const { users, rooms, joined, left, refused, messages, deliveries } = lobby.stats;
    const own: Metric[] = [
      { name: "chat_users", help: "Users now.", type: "gauge", value: users },
      { name: "chat_rooms", help: "Rooms now.", type: "gauge", value: rooms },
      { name: "chat_joined_total", help: "Users that came.", type: "counter", value: joined },
      {
        name: "chat_left_total",
        help: "Users that went, by how they went.",
        type: "counter",
        value: { label: "reason", values: left },
      },
      { name: "chat_refused_total", help: "Names refused.", type: "counter", value: refused },
      { name: "chat_messages_total", help: "Messages.", type: "counter", value: messages },
      {
        name: "chat_deliveries_total",
        help: "Events handed to connections.",
        type: "counter",
        value: deliveries,
      },
      { name: "chat_web_connections", help: "WebSockets now.", type: "gauge", value: faces.size },
      {
        name: "chat_web_closing",
        help: "WebSockets of these whose browser has not answered the close frame.",
        type: "gauge",
        value: [...faces.keys()].filter((face) => face.closing).length,
      },
      {
        name: "chat_web_throttled_total",
        help: "Messages of browsers that had to wait for their turn.",
        type: "counter",
        value: counts.throttled,
      },
      {
        name: "chat_web_turned_away_total",
        help: "Requests turned away, by why.",
        type: "counter",
        value: { label: "reason", values: turnedAway },
      },
      {
        name: "chat_uptime_seconds",
        help: "Time since the start.",
        type: "gauge",
        value: Math.round((performance.now() - started) / 1000),
      },
    ];
    return formatMetrics([...own, ...options.metrics?.() ?? []]);
  }

  async function respond(request: Request, remote: Deno.NetAddr): Promise<Response> {
    if (!hostAllowed(request, options)) {
      turnedAway.host++;
      return textResponse(421, "This server is not known by that name: see --allow-host\n");
    }
    // A host such as 127.0.0.1:99999 gives an URL that is none.
    if (!URL.canParse(request.url)) return textResponse(400, "This Host is no host\n");
    const path = new URL(request.url).pathname;
    if (!["/", "/ws", "/healthz", "/metrics"].includes(path)) {
      return textResponse(404, "There is nothing here\n");
    }
    if (request.method !== "GET" && (request.method !== "HEAD" || path === "/ws")) {
      const allow = path === "/ws" ? "GET" : "GET, HEAD";
      return textResponse(405, "Only reading is possible here\n", { allow });
    }
    if (path === "/ws") return upgrade(request, remote);
    if (path === "/") return (await page).respond(request);
    const noStore = { "cache-control": "no-store" };
    if (path === "/metrics") {
      return textResponse(200, metrics(), { ...noStore, "content-type": METRICS_TYPE });
    }
    return stopping ? textResponse(503, "stopping\n", noStore) : textResponse(200, "ok\n", noStore);
  }

  const { hostname, port } = options;
  const server = serveHttp(
    {
      hostname,
      port,
      hardened: true, // Not only beyond this machine: the same limits everywhere.
      allowedHosts: "any", // The chat has a check of its own, which names its flag.
      maxRequests: 0, // A WebSocket is one as long as it lasts; the connections are counted.
      maxConnections: roomFor(options.maxConnections),
      maxConnectionsPerAddress: roomFor(options.maxConnectionsPerAddress),
    },
    (request, { remoteAddr }) => respond(request, remoteAddr),
  );

  async function shutdown({ deadline = 5000 }: { deadline?: number } = {}): Promise<void> {
    const due = performance.now() + deadline;
    if (!stopping) {
      stopping = true;
      for (const face of faces.keys()) face.end(1001, "the server stops", "shutdown");
    }
    // Sockets first: the server's own shutdown does not wait for them.
    const gone = Promise.all([...faces.keys()].map((face) => face.gone));
    const waiting = new AbortController();
    await Promise.race([gone, delay(deadline, { signal: waiting.signal }).catch(() => {})]);
    waiting.abort();
    await server.shutdown({ deadline: Math.max(0, due - performance.now()) });
    await page; // A server that ends at once may still be hashing it.
  }

  return {
    url: server.url,
    finished: server.finished,
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(),
  };
}
