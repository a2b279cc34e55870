/**
 * The face of the chat for browsers: one JSON object per text frame. Rooms and rules are the same as for
 * terminals.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import { NetError } from "../../net/errors/errors.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { Throttle } from "../../net/throttle.ts";
import type { WsConnection } from "../../ws/connection/connection.ts";
import type { WsClose, WsMessage } from "../../ws/connection/options.ts";
import type { JoinRate } from "./join_rate.ts";
import type { ChatEvent, HistoryEvent } from "./events.ts";
import type { Face, LeaveReason, Member, Replay } from "./member.ts";
import type { Lobby } from "./lobby.ts";
import type { Hearer, WebBroadcast } from "./web_broadcast.ts";
import { type Lang, sentence } from "./words.ts";

/** The limits of one browser. */
export interface WebSocketLimits {
  /** The size of the send queue of a terminal in bytes. Browsers get eight times as much. */
  readonly sendQueue: number;
  /** The maximum size of a message from the browser in bytes. */
  readonly maxMessage: number;
  /** The messages per second; 0 removes the limit. */
  readonly rate: number;
  /** The messages that a browser may send at once. */
  readonly burst: number;
  /** The time to join, in milliseconds; 0 removes the limit. */
  readonly nameTimeout: number;
}

/** Counters of all browsers. */
export interface WebSocketCounts {
  /** The messages that the rate limit has delayed. */
  throttled: number;
}

/** The size of a short line as JSON, compared with a terminal. Send queues are larger by this factor. */
export const JSON_FACTOR = 8;

const logger = getLogger(["portside", "chat", "web"]);

/** A message from a browser. */
type Command =
  | {
    readonly type: "join";
    readonly name: string;
    readonly room?: string;
    readonly lang?: Lang;
    readonly since?: { readonly epoch: string; readonly seq: number };
    readonly token?: string;
  }
  | { readonly type: "say"; readonly text: string; readonly id?: number }
  | { readonly type: "lang"; readonly lang: Lang }
  | { readonly type: "rooms" };

/** Parses a message from a browser; undefined if it is invalid. */
function readCommand(data: string): Command | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { type, name, text, id, room, lang, token } = value;
  switch (type) {
    case "join":
      if (typeof name !== "string") return undefined;
      return {
        type,
        name,
        room: typeof room === "string" ? room : undefined,
        lang: lang === "zh" || lang === "en" ? lang : undefined,
        since: readSince(value.since),
        token: typeof token === "string" ? token : undefined,
      };
    case "say":
      if (typeof text !== "string") return undefined;
      return { type, text, id: typeof id === "number" ? id : undefined };
    case "lang":
      return lang === "zh" || lang === "en" ? { type, lang } : undefined;
    case "rooms":
      return { type };
    default:
      return undefined;
  }
}

function readSince(value: unknown): { epoch: string; seq: number } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { epoch, seq } = value as Record<string, unknown>;
  return typeof epoch === "string" && typeof seq === "number" ? { epoch, seq } : undefined;
}

/**
 * Encodes an event of another user, for a {@linkcode WebBroadcast}.
 *
 * @param event The event of the chat.
 * @param lang The language of the recipients.
 * @returns The JSON text of the frame.
 */
export function encodeEvent(event: ChatEvent, lang: Lang): string {
  return JSON.stringify(toMessage(event, lang, false));
}

/** Returns the message for the page. Notices and answers contain their sentence. */
function toMessage(event: ChatEvent, lang: Lang, own?: boolean): object {
  switch (event.type) {
    case "message":
    case "private":
    case "edit":
    case "delete":
    case "reaction":
      return { ...event, own };
    case "results":
      return event;
    case "history":
      return { ...event, events: event.events.map((past) => toMessage(past, lang)) };
    case "notice":
    case "reply":
    case "error":
      return { ...event, own, text: sentence(lang, event.code, event.params) };
    case "bye":
      return { ...event, text: sentence(lang, `bye-${event.code}`, {}) };
    case "welcome": {
      // Leave `own` out: another user may have had this name before.
      const told = (past: HistoryEvent) => toMessage(past, lang);
      return { ...event, events: event.events.map(told) };
    }
  }
}

/** Returns the reason of a connection that has ended by itself. */
function reasonOf(error: unknown): LeaveReason {
  if (!(error instanceof NetError)) return "ended";
  if (error.kind === "limit") return error.code === "1009" ? "ended" : "flood";
  if (error.kind === "timeout") return "slow";
  return error.kind === "truncated" ? "lost" : "ended";
}

/** The state that all browsers of a chat share. */
export interface WebSide {
  /** The lobby of the chat. */
  readonly lobby: Lobby;
  /** The browsers by room and language. */
  readonly broadcast: WebBroadcast;
  /** The rate limit for joining. */
  readonly joinRate: JoinRate;
  /** The limits of each browser. */
  readonly limits: WebSocketLimits;
  /** The counters of all browsers. */
  readonly counts: WebSocketCounts;
}

/** One browser. */
export class WebSocketFace implements Face, Hearer {
  /** The address of the browser, for the log. */
  readonly address: string;
  /** The network of the browser, for the limits of an address. */
  readonly network: string;
  /** A browser shows many rooms. */
  readonly rooms = "many";
  /** The history in a welcome, which has to fit into the send queue. */
  readonly replay: Replay;

  readonly #conn: WsConnection;
  readonly #side: WebSide;
  readonly #throttle: Throttle;
  /** A separate rate limit for requests of the page, so that they do not count as lines of the user. */
  readonly #questions: Throttle;
  #lang: Lang;
  #member: Member | undefined;
  /** The id in the welcome, which arrives before the member exists. */
  #welcomed: number | undefined;
  #ended = false;
  #naming: ReturnType<typeof setTimeout> | undefined;

  /**
   * Serves a WebSocket.
   *
   * @param conn The connection to the browser.
   * @param side The state that all browsers share.
   * @param origin The network of the browser, and its initial language.
   */
  constructor(conn: WsConnection, side: WebSide, origin: { network: string; lang: Lang }) {
    const { limits } = side;
    this.#conn = conn;
    this.#side = side;
    this.network = origin.network;
    this.replay = { messages: Infinity, bytes: limits.sendQueue * JSON_FACTOR / 4 };
    this.address = conn.peer;
    this.#lang = origin.lang;
    this.#throttle = new Throttle(limits.rate, limits.burst);
    this.#questions = new Throttle(limits.rate, limits.burst);
    const nameTimeout = timeLimit(limits.nameTimeout);
    if (nameTimeout !== Infinity) {
      this.#naming = setTimeout(() => {
        this.#tell("error", sentence(this.#lang, "naming-timeout", {}));
        this.end(1008, "no name in time", "ended");
      }, nameTimeout);
    }
    const { signal } = conn;
    signal.addEventListener("abort", () => this.#leave(reasonOf(signal.reason)), { once: true });
    void this.#listen();
  }

  /** Whether the close frame has been sent. The browser may not have answered yet. */
  get closing(): boolean {
    return this.#ended;
  }

  /** Whether the user has joined the chat. */
  get joined(): boolean {
    return this.#member !== undefined;
  }

  /** The id of the user. */
  get user(): number | undefined {
    return this.#welcomed;
  }

  /** Whether messages can be sent. */
  get open(): boolean {
    return !this.#ended;
  }

  /** Resolves when the connection is closed. */
  get closed(): Promise<WsClose> {
    return this.#conn.closed;
  }

  /** Resolves when the socket is closed, with or without a close frame of the browser. */
  get gone(): Promise<void> {
    return this.#conn.gone;
  }

  /** Queues a text that other browsers receive, too. */
  trySend(text: WsMessage): boolean {
    return this.#conn.trySend(text);
  }

  /** Closes the connection of a browser that does not read. The room calls it. */
  close(code = 1000, text = ""): Promise<WsClose> {
    logger.info("{address} does not read and is disconnected", { address: this.address });
    this.end(code, text, "slow");
    return this.closed;
  }

  /** Sends an event. A browser whose queue is full is disconnected. */
  deliver(event: ChatEvent, own: boolean): void {
    if (this.#ended) return;
    if (!own && (event.type === "message" || event.type === "notice")) {
      return this.#side.broadcast.tell(event);
    }
    if (event.type === "welcome") {
      this.#welcomed = event.user;
      this.#side.broadcast.enter(this, event.room, this.#lang);
    }
    this.#send(toMessage(event, this.#lang, own));
    if (event.type !== "bye") return;
    if (event.code === "shutdown") this.end(1001, "the server stops", "shutdown");
    else this.end(1000, event.code, "quit");
  }

  /**
   * Removes the user and closes the connection after its queue is sent.
   *
   * The user is removed at once. The socket can stay open for some seconds if the browser does not answer
   * the close frame.
   *
   * @param code The close code (RFC 6455 §7.4).
   * @param text The reason for developers, at most 123 bytes.
   * @param reason The reason for the log.
   */
  end(code: number, text: string, reason: LeaveReason): void {
    if (this.#ended) return;
    this.#leave(reason);
    void this.#conn.close(code, text);
  }

  #leave(reason: LeaveReason): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#naming);
    this.#side.broadcast.leave(this);
    this.#member?.leave(reason);
  }

  #send(message: object): void {
    if (!this.#conn.trySend(JSON.stringify(message)) && this.#conn.open) {
      void this.close(1008, "too slow");
    }
  }

  #tell(type: "error" | "reply", text: string, more: object = {}): void {
    this.#send({ type, text, ...more });
  }

  /** Reads messages at most at the rate limit. */
  async #listen(): Promise<void> {
    try {
      for await (const message of this.#conn) {
        const command = typeof message === "string" ? readCommand(message) : "binary";
        const question = typeof command === "object" && command.type !== "say";
        const wait = (question ? this.#questions : this.#throttle).take(performance.now());
        if (wait > 0) {
          this.#side.counts.throttled++;
          await delay(wait, { signal: this.#conn.signal });
        }
        if (typeof command === "object" && command.type === "join") {
          await this.#side.joinRate.turn(this.network, this.#conn.signal);
        }
        if (this.#ended) return;
        await this.#obey(command);
      }
    } catch { /* The signal of the connection has reported the end. */ }
  }

  #obey(command: Command | "binary" | undefined): Promise<void> | undefined | void {
    if (command === undefined) return this.#tell("error", "This is not a message of the chat.");
    if (command === "binary") {
      return this.#tell("error", "The chat accepts JSON in text frames only.");
    }
    if (command.type === "lang") this.#setLang(command.lang);
    else if (command.type === "rooms") this.#sendRooms();
    else if (command.type === "join") return this.#join(command);
    else if (this.#member === undefined) this.#tell("error", "Join first.");
    else return this.#member.say(command.text, command.id);
  }

  #setLang(lang: Lang): void {
    this.#lang = lang;
    if (this.#member?.present) this.#side.broadcast.enter(this, this.#member.room, lang);
  }

  async #join(command: Extract<Command, { type: "join" }>): Promise<void> {
    const { name, room, since, token, lang } = command;
    if (this.#member !== undefined) return this.#tell("error", "You have joined already.");
    this.#lang = lang ?? this.#lang;
    const result = await this.#side.lobby.join({ name, room, since, token }, this);
    if ("code" in result) {
      const { code, params } = result;
      return this.#tell("error", sentence(this.#lang, code, params), { code });
    }
    this.#member = result;
    clearTimeout(this.#naming);
  }

  #sendRooms(): void {
    if (this.#member === undefined) return this.#tell("error", "Join first.");
    this.#send({ type: "rooms", rooms: this.#side.lobby.rooms });
  }
}
