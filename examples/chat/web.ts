/**
 * The web side of the chat: the page, its WebSocket, checks of its health and readiness, metrics.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { serveHttp } from "../../http/server/server.ts";
import { trustProxy } from "../../http/internal/server_rules.ts";
import type {
  HttpHandler,
  HttpInfo,
  HttpServer,
  HttpServerStats,
  ServeHttpOptions,
} from "../../http/server/options.ts";
import { formatAddress, peerNetwork } from "../../net/address.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import {
  anObject,
  callback,
  count,
  group,
  integer,
  limit,
  listenPort,
  listOf,
  milliseconds,
  numberFrom,
  oneOf,
  OptionRules,
  required,
  word,
} from "../../net/internal/options.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import { upgrade as openWebSocket } from "../../ws/server/upgrade.ts";
import { AddressRates } from "./address_rate.ts";
import { chatMetrics } from "./metrics.ts";
import { formatMetrics, type Metric, METRICS_TYPE } from "./prometheus.ts";
import {
  FILE_HANDLER_RULES,
  fileHandler,
  type FileHandlerOptions,
  FILES_PATH,
} from "./files/http.ts";
import { quote } from "../../tools/internal/text.ts";
import type { Lobby } from "./lobby.ts";
import {
  hostAllowed,
  originAllowed,
  preparePage,
  textResponse,
  type Visitors,
  withCommonHeaders,
} from "./web_page.ts";
import { WebBroadcast } from "./web_broadcast.ts";
import {
  JSON_FACTOR,
  roomsMessage,
  type WebSide,
  type WebSocketCounts,
  WebSocketFace,
  type WebSocketLimits,
} from "./web_socket.ts";
import { encodeEvent } from "./web_protocol.ts";
import { within } from "./within.ts";
import { type Lang, preferredLang } from "./words.ts";

/** The options of {@linkcode serveChatWeb}. */
export interface ChatWebOptions extends Visitors, WebSocketLimits {
  /** The port to listen on; 0 takes any free port. */
  readonly port: number;
  /** The language for browsers that prefer neither English nor Chinese. */
  readonly lang: Lang;
  /** The maximum number of WebSockets; 0 removes the limit. */
  readonly maxConnections: number;
  /** The maximum number of WebSockets from one address. 0 removes the limit, for use behind a proxy. */
  readonly maxConnectionsPerAddress: number;
  /**
   * The reverse proxies whose `X-Forwarded-*` fields name the browser. The limits of an address then apply
   * to browsers, and not to the proxy.
   */
  readonly trustProxy?: ServeHttpOptions["trustProxy"];
  /** The interval of pings to a silent browser, in milliseconds; 0 sends none. */
  readonly pingInterval: number;
  /** The attached files; without them, `/files` is 404. */
  readonly files?: FileHandlerOptions | undefined;
  /** The rate limits of an address, if terminals share them. @default from `rate` and `burst` */
  readonly rates?: AddressRates;
  /** Returns additional metrics. */
  readonly metrics?: () => readonly Metric[];
}

/** The rules for {@linkcode ChatWebOptions}. */
const WEB_RULES = new OptionRules<ChatWebOptions>({
  hostname: required(word),
  port: required(listenPort),
  lang: required(oneOf("en", "zh")),
  allowHosts: required(listOf(word)),
  allowOrigins: required(listOf(word)),
  maxConnections: required(limit),
  maxConnectionsPerAddress: required(limit),
  trustProxy,
  pingInterval: required(milliseconds),
  sendQueue: required(integer(1, Number.MAX_SAFE_INTEGER)),
  maxMessage: required(count),
  rate: required(numberFrom(0)),
  burst: required(count),
  nameTimeout: required(milliseconds),
  rates: anObject,
  files: group(FILE_HANDLER_RULES),
  metrics: callback,
});

/** A running web side. */
export interface ChatWeb extends AsyncDisposable {
  /** The address of the server. */
  readonly addr: Deno.NetAddr;
  /** The URL of the page. */
  readonly url: string;
  /** Resolves after the shutdown. */
  readonly finished: Promise<void>;
  /** Returns the counters of the HTTP server. */
  stats(): HttpServerStats;
  /** Closes the WebSockets, waits for requests until the deadline, then ends all connections. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/** The maximum number of unread messages of a browser. While the queue is full, nothing is read. */
const MAX_INBOX = 200;

/** The interval of messages with the list of rooms, in milliseconds. */
const PUSH_INTERVAL = 1000;

/** The maximum number of WebSockets of one address without a name, if addresses have a limit. */
const MAX_NAMELESS = 16;

/** Returns a connection limit that leaves room for the page beside the WebSockets. */
const roomFor = (sockets: number) => sockets === 0 ? 0 : Math.max(2 * sockets, 128);

const logger = getLogger(["portside", "chat", "web"]);

/**
 * Starts the web side of the chat.
 *
 * @param lobby The lobby of the chat.
 * @param options The address, the language and the limits.
 * @returns The running server with the page.
 * @throws {NetError} In phase "listen".
 * @throws {RangeError | TypeError} If an option is invalid.
 */
export function serveChatWeb(lobby: Lobby, options: ChatWebOptions): ChatWeb {
  options = WEB_RULES.check("serveChatWeb", options);
  return new RunningWeb(lobby, options);
}

class RunningWeb implements ChatWeb {
  readonly addr: Deno.NetAddr;
  readonly url: string;
  readonly finished: Promise<void>;
  readonly #options: ChatWebOptions;
  readonly #server: HttpServer;
  readonly #side: WebSide;
  readonly #page: ReturnType<typeof preparePage>;
  readonly #files: HttpHandler | undefined;
  readonly #started = performance.now();
  /** All WebSockets with their addresses; for IPv6, the network. */
  readonly #faces = new Map<WebSocketFace, string>();
  readonly #turnedAway = { host: 0, origin: 0, full: 0, address: 0 };
  readonly #counts: WebSocketCounts = { throttled: 0 };
  readonly #unwatch: () => void;
  #stopping = false;
  /** The time until browsers are told of changed rooms. */
  #pushing: ReturnType<typeof setTimeout> | undefined;

  constructor(lobby: Lobby, options: ChatWebOptions) {
    const { hostname, port, maxConnections, maxConnectionsPerAddress } = options;
    const trusted = options.trustProxy;
    this.#options = options;
    this.#page = preparePage(options.lang, lobby.epoch);
    this.#files = options.files && fileHandler(options.files);
    this.#side = {
      lobby,
      broadcast: new WebBroadcast(encodeEvent),
      rates: options.rates ?? new AddressRates(options.rate, options.burst),
      limits: options,
      counts: this.#counts,
    };
    this.#server = serveHttp(
      {
        hostname,
        port,
        hardened: true, // The same limits on loopback as elsewhere.
        allowedHosts: "any", // hostAllowed() checks hosts; its answer names the flag.
        maxBody: 0, // Only fileHandler() reads a body, and limits it.
        maxRequests: 0, // A WebSocket is one long request; maxConnections limits them.
        maxConnections: roomFor(maxConnections),
        // The server would count the connections of the proxy.
        maxConnectionsPerAddress: trusted === undefined ? roomFor(maxConnectionsPerAddress) : 0,
        ...trusted !== undefined && { trustProxy: trusted },
      },
      (request, info) => this.#respond(request, info),
    );
    this.#unwatch = lobby.watchRooms(() => this.#pushRooms());
    this.addr = this.#server.addr;
    this.url = this.#server.url;
    this.finished = this.#server.finished;
  }

  /** Tells all browsers of changed rooms, at most once per interval. */
  #pushRooms(): void {
    if (this.#faces.size === 0 || this.#stopping) return;
    this.#pushing ??= setTimeout(() => {
      this.#pushing = undefined;
      this.#side.broadcast.tellAll(roomsMessage(this.#side.lobby));
    }, PUSH_INTERVAL);
  }

  async #respond(request: Request, info: HttpInfo): Promise<Response> {
    if (!hostAllowed(request, this.#options)) {
      this.#turnedAway.host++;
      return textResponse(421, "This server does not answer for this host: see --allow-host\n");
    }
    // A host such as 127.0.0.1:99999 makes the URL invalid.
    if (!URL.canParse(request.url)) {
      return textResponse(400, "The Host of the request is invalid\n");
    }
    const path = new URL(request.url).pathname;
    if (path === FILES_PATH || path.startsWith(`${FILES_PATH}/`)) {
      return await this.#answerFile(request, info);
    }
    const page = (await this.#page).respond(request, path);
    if (page === undefined && !["/ws", "/healthz", "/readyz", "/metrics"].includes(path)) {
      return textResponse(404, "Not found\n");
    }
    if (request.method !== "GET" && (request.method !== "HEAD" || path === "/ws")) {
      const allow = path === "/ws" ? "GET" : "GET, HEAD";
      return textResponse(405, "Method not allowed\n", { allow });
    }
    if (path === "/ws") return this.#upgrade(request, info.remoteAddr);
    if (page !== undefined) return page;
    const noStore = { "cache-control": "no-store" };
    if (path === "/metrics") {
      return textResponse(200, this.#metrics(), { ...noStore, "content-type": METRICS_TYPE });
    }
    if (this.#stopping) return textResponse(503, "stopping\n", noStore);
    if (path === "/readyz") {
      return this.#side.lobby.isReady
        ? textResponse(200, "ready\n", noStore)
        : textResponse(503, "not ready\n", noStore);
    }
    // The whole reason names the file of the store. It is for the log.
    const { fault } = this.#side.lobby;
    return fault === undefined
      ? textResponse(200, "ok\n", noStore)
      : textResponse(503, `messages are not stored: ${fault}\n`, noStore);
  }

  async #answerFile(request: Request, info: HttpInfo): Promise<Response> {
    if (this.#files === undefined) return textResponse(404, "Not found\n");
    if (request.method === "POST" && !originAllowed(request, this.#options)) {
      return textResponse(403, "This site may not send files: see --allow-origin\n");
    }
    // Each file is several writes to the disk.
    if (request.method === "POST") {
      await this.#side.rates.question(peerNetwork(info.remoteAddr.hostname), request.signal);
    }
    return withCommonHeaders(await this.#files(request, info));
  }

  async #upgrade(request: Request, remote: Deno.NetAddr): Promise<Response> {
    const options = this.#options;
    const network = peerNetwork(remote.hostname);
    const refused = this.#refuse(request, network, remote);
    if (refused !== undefined) return refused;
    const lang = preferredLang(request.headers.get("accept-language")) ?? options.lang;
    const { response, connection } = await openWebSocket(request, { remoteAddr: remote }, {
      allowedOrigins: "*", // originAllowed() has checked the origin.
      pingInterval: options.pingInterval,
      ...options.rate > 0 && { controlRate: { perSecond: options.rate, burst: options.burst } },
      maxMessageSize: options.maxMessage,
      inbox: { limit: MAX_INBOX, maxBytes: options.sendQueue, policy: "wait" },
      // One half waits in the socket, the other half in the queue behind it.
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
      const reason = `${why}: ${text}`;
      logger.info("turned away {peer}: {reason}", { peer: formatAddress(remote), reason });
      return textResponse(status, `${text}\n`, status === 503 ? { "retry-after": "10" } : {});
    };
    if (!originAllowed(request, this.#options)) {
      const [from, to] = ["origin", "host"].map((name) => quote(request.headers.get(name) ?? ""));
      const text = `the page is at ${from}, the Host is ${to}; --allow-origin permits the page`;
      return turnAway("origin", 403, text);
    }
    const { maxConnections: most, maxConnectionsPerAddress: each } = this.#options;
    const { open, here, nameless } = this.#count(network);
    if (this.#stopping || (most > 0 && open >= most)) {
      return turnAway("full", 503, "the chat has too many connections");
    }
    if (each > 0 && (here >= each || nameless >= MAX_NAMELESS)) {
      return turnAway("address", 503, "the address has too many connections");
    }
    return undefined;
  }

  /** Counts the WebSockets: all, those of an address, and those of the address without a name. */
  #count(network: string): { open: number; here: number; nameless: number } {
    let [open, here, nameless] = [0, 0, 0];
    for (const [face, address] of this.#faces) {
      // A closing WebSocket must not take the place of a user.
      if (face.closing) continue;
      open++;
      if (address !== network) continue;
      here++;
      if (!face.joined) nameless++;
    }
    return { open, here, nameless };
  }

  #metrics(): string {
    const own = chatMetrics(this.#side.lobby.stats(), {
      connections: this.#faces.size,
      closing: [...this.#faces.keys()].filter((face) => face.closing).length,
      throttled: this.#counts.throttled,
      turnedAway: this.#turnedAway,
      uptime: performance.now() - this.#started,
    });
    return formatMetrics([...own, ...this.#options.metrics?.() ?? []]);
  }

  stats(): HttpServerStats {
    return this.#server.stats();
  }

  async shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    options = SHUTDOWN.check("shutdown", options);
    const { deadline = 5000 } = options;
    const due = performance.now() + deadline;
    if (!this.#stopping) {
      this.#stopping = true;
      this.#unwatch();
      clearTimeout(this.#pushing);
    }
    // WebSockets first, because the shutdown of the server does not wait for them.
    await within(this.#closeAll(), deadline);
    const left = Math.max(0, due - performance.now());
    const report = await this.#server.shutdown({ deadline: left });
    await this.#page; // The hashing of the page may still run after an immediate shutdown.
    return report;
  }

  /** Closes all WebSockets after the last words of the chat. */
  async #closeAll(): Promise<void> {
    await this.#side.lobby.settled();
    const faces = [...this.#faces.keys()];
    for (const face of faces) face.end(1001, "the server stops", "shutdown");
    await Promise.all(faces.map((face) => face.gone));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
