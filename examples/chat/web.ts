/**
 * The web side of the chat: the page, its WebSocket, a health check, metrics.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import { serveHttp } from "../../http/server/server.ts";
import type { HttpServer } from "../../http/server/options.ts";
import { formatAddress, peerNetwork } from "../../net/address.ts";
import { upgrade as openWebSocket } from "../../ws/server/upgrade.ts";
import { Door } from "./door.ts";
import { chatMetrics } from "./chat_metrics.ts";
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
  return new RunningWeb(lobby, options);
}

class RunningWeb implements ChatWeb {
  readonly url: string;
  readonly finished: Promise<void>;
  readonly #options: ChatWebOptions;
  readonly #server: HttpServer;
  readonly #side: WebSide;
  readonly #page: ReturnType<typeof preparePage>;
  readonly #started = performance.now();
  /** Every WebSocket with the address, of IPv6 the network, that it comes from. */
  readonly #faces = new Map<WebSocketFace, string>();
  readonly #turnedAway = { host: 0, origin: 0, full: 0, address: 0 };
  readonly #counts: WebSocketCounts = { throttled: 0 };
  #stopping = false;

  constructor(lobby: Lobby, options: ChatWebOptions) {
    const { hostname, port, maxConnections, maxConnectionsPerAddress } = options;
    this.#options = options;
    this.#page = preparePage(options.lang);
    this.#side = {
      lobby,
      crowd: new WebCrowd(encodeEvent),
      door: new Door(options.rate, options.burst),
      limits: options,
      counts: this.#counts,
    };
    this.#server = serveHttp(
      {
        hostname,
        port,
        hardened: true, // Not only beyond this machine: the same limits everywhere.
        allowedHosts: "any", // The chat has a check of its own, which names its flag.
        maxRequests: 0, // A WebSocket is one as long as it lasts; the connections are counted.
        maxConnections: roomFor(maxConnections),
        maxConnectionsPerAddress: roomFor(maxConnectionsPerAddress),
      },
      (request, { remoteAddr }) => this.#respond(request, remoteAddr),
    );
    this.url = this.#server.url;
    this.finished = this.#server.finished;
  }

  async #respond(request: Request, remote: Deno.NetAddr): Promise<Response> {
    if (!hostAllowed(request, this.#options)) {
      this.#turnedAway.host++;
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
    if (path === "/ws") return this.#upgrade(request, remote);
    if (path === "/") return (await this.#page).respond(request);
    const noStore = { "cache-control": "no-store" };
    if (path === "/metrics") {
      return textResponse(200, this.#metrics(), { ...noStore, "content-type": METRICS_TYPE });
    }
    return this.#stopping
      ? textResponse(503, "stopping\n", noStore)
      : textResponse(200, "ok\n", noStore);
  }

  async #upgrade(request: Request, remote: Deno.NetAddr): Promise<Response> {
    const options = this.#options;
    const network = peerNetwork(remote.hostname);
    const refused = this.#refuse(request, network, remote);
    if (refused !== undefined) return refused;
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
    const face = new WebSocketFace(connection, this.#side, { network, lang });
    this.#faces.set(face, network);
    face.gone.then(() => this.#faces.delete(face));
    return response;
  }

  /** Returns the response that refuses a WebSocket; undefined if it may be opened. */
  #refuse(request: Request, network: string, remote: Deno.NetAddr): Response | undefined {
    const turnAway = (why: "origin" | "full" | "address", status: number, text: string) => {
      this.#turnedAway[why]++;
      logger.info("{peer} turned away: {why}", { peer: formatAddress(remote), why });
      return textResponse(status, text, status === 503 ? { "retry-after": "10" } : {});
    };
    if (!originAllowed(request, this.#options)) {
      return turnAway("origin", 403, "This page may not open the chat: see --allow-origin\n");
    }
    const { maxConnections: most, maxConnectionsPerAddress: each } = this.#options;
    const { open, here, nameless } = this.#count(network);
    if (this.#stopping || (most > 0 && open >= most)) {
      return turnAway("full", 503, "The chat is full\n");
    }
    if (each > 0 && (here >= each || nameless >= MAX_NAMELESS)) {
      return turnAway("address", 503, "Too many connections from this address\n");
    }
    return undefined;
  }

  /** Counts the WebSockets: all, those of an address, and of these the ones that have not joined. */
  #count(network: string): { open: number; here: number; nameless: number } {
    let [open, here, nameless] = [0, 0, 0];
    for (const [face, address] of this.#faces) {
      // One that is told to close and does not answer holds no place of those who talk.
      if (face.closing) continue;
      open++;
      if (address !== network) continue;
      here++;
      if (!face.joined) nameless++;
    }
    return { open, here, nameless };
  }

  #metrics(): string {
    const own = chatMetrics(this.#side.lobby.stats, {
      connections: this.#faces.size,
      closing: [...this.#faces.keys()].filter((face) => face.closing).length,
      throttled: this.#counts.throttled,
      turnedAway: this.#turnedAway,
      uptime: performance.now() - this.#started,
    });
    return formatMetrics([...own, ...this.#options.metrics?.() ?? []]);
  }

  async shutdown({ deadline = 5000 }: { deadline?: number } = {}): Promise<void> {
    const due = performance.now() + deadline;
    if (!this.#stopping) {
      this.#stopping = true;
      for (const face of this.#faces.keys()) face.end(1001, "the server stops", "shutdown");
    }
    // Sockets first: the server's own shutdown does not wait for them.
    const gone = Promise.all([...this.#faces.keys()].map((face) => face.gone));
    const waiting = new AbortController();
    await Promise.race([gone, delay(deadline, { signal: waiting.signal }).catch(() => {})]);
    waiting.abort();
    await this.#server.shutdown({ deadline: Math.max(0, due - performance.now()) });
    await this.#page; // A server that ends at once may still be hashing it.
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
