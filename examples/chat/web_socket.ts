/**
 * The browser's face of the chat: one JSON object a text frame, the same room
 * and the same rules as in the terminal.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import { NetError } from "../../net/errors/errors.ts";
import { Throttle } from "../../net/throttle.ts";
import type { WsConnection } from "../../ws/connection/connection.ts";
import type { WsClose, WsMessage } from "../../ws/connection/options.ts";
import type { Door } from "./door.ts";
import type { ChatEvent, HistoryEvent } from "./events.ts";
import type { Face, LeaveReason, Member } from "./member.ts";
import type { Lobby } from "./lobby.ts";
import type { Hearer, WebCrowd } from "./web_crowd.ts";
import { type Lang, sentence } from "./words.ts";

/** Limits of one browser. */
export interface WebSocketLimits {
  /** Bytes that may wait for a terminal before its user is let go; eight times as much here. */
  readonly sendQueue: number;
  /** Bytes of one message from the browser. */
  readonly maxMessage: number;
  /** Messages a second; 0 lifts the limit. */
  readonly rate: number;
  /** Messages at once. */
  readonly burst: number;
  /** How long a browser may take to join, in milliseconds; 0 for ever. */
  readonly nameTimeout: number;
}

/** What browsers have brought about, over all of them. */
export interface WebSocketCounts {
  /** Messages that had to wait for their turn. */
  throttled: number;
}

const logger = getLogger(["portside", "chat", "web"]);

/** What a browser sends. */
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

/** Reads what a browser sent; undefined if it is none of the above. */
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
 * Makes the text of an event that is nobody's own, for a {@linkcode WebCrowd}.
 *
 * @param event The event.
 * @param lang The language of who hears it.
 * @returns The text of the frame.
 */
export function encodeEvent(event: ChatEvent, lang: Lang): string {
  return JSON.stringify(toMessage(event, lang, false));
}

/** The event as the page gets it: with its sentence, where it has one. */
function toMessage(event: ChatEvent, lang: Lang, own?: boolean): object {
  switch (event.type) {
    case "message":
    case "private":
      return { ...event, own };
    case "notice":
    case "reply":
      return { ...event, own, text: sentence(lang, event.code, event.params) };
    case "bye":
      return { ...event, text: sentence(lang, `bye-${event.code}`, {}) };
    case "welcome": {
      // Whose own they are is left open: a name may have been somebody else's before.
      const told = (past: HistoryEvent) => toMessage(past, lang);
      return { ...event, events: event.events.map(told) };
    }
  }
}

/** Why a user goes whose connection has ended by itself. */
function reasonOf(error: unknown): LeaveReason {
  if (!(error instanceof NetError)) return "ended";
  if (error.kind === "limit") return error.code === "1009" ? "ended" : "flood";
  if (error.kind === "timeout") return "slow";
  return error.kind === "truncated" ? "lost" : "ended";
}

/** What the browsers of a chat share. */
export interface WebSide {
  /** The chat. */
  readonly lobby: Lobby;
  /** All browsers that are in it. */
  readonly crowd: WebCrowd;
  /** Where they come in. */
  readonly door: Door;
  /** The limits of each. */
  readonly limits: WebSocketLimits;
  /** Where to count what they bring about. */
  readonly counts: WebSocketCounts;
}

/** One browser. */
export class WebSocketFace implements Face, Hearer {
  readonly address: string;

  readonly #conn: WsConnection;
  readonly #side: WebSide;
  readonly #network: string;
  readonly #throttle: Throttle;
  /** Questions of the page have a measure of their own, so that they use up nobody's lines. */
  readonly #questions: Throttle;
  #lang: Lang;
  #member: Member | undefined;
  /** What the welcome called the user: it comes before there is a member. */
  #welcomed: string | undefined;
  #ended = false;
  #naming: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes over a connection that is being opened.
   *
   * @param conn The server's end.
   * @param side What it shares with the other browsers.
   * @param origin The network that it comes from, and its language until it says another.
   */
  constructor(conn: WsConnection, side: WebSide, origin: { network: string; lang: Lang }) {
    const { limits } = side;
    this.#conn = conn;
    this.#side = side;
    this.#network = origin.network;
    this.address = conn.peer;
    this.#lang = origin.lang;
    this.#throttle = new Throttle(limits.rate, limits.burst);
    this.#questions = new Throttle(limits.rate, limits.burst);
    if (limits.nameTimeout > 0) {
      this.#naming = setTimeout(() => {
        this.#tell("error", sentence(this.#lang, "naming-timeout", {}));
        this.end(1008, "no name in time", "ended");
      }, limits.nameTimeout);
    }
    const { signal } = conn;
    signal.addEventListener("abort", () => this.#leave(reasonOf(signal.reason)), { once: true });
    void this.#listen();
  }

  /** Whether it has been told to close; whether it ever answers is up to the browser. */
  get closing(): boolean {
    return this.#ended;
  }

  /** Whether its user is or was in the chat. */
  get joined(): boolean {
    return this.#member !== undefined;
  }

  /** The user's name at this moment. */
  get name(): string | undefined {
    return this.#member?.name ?? this.#welcomed;
  }

  /** Whether it can be told anything. */
  get open(): boolean {
    return !this.#ended;
  }

  /** Resolves when the connection is over. */
  get closed(): Promise<WsClose> {
    return this.#conn.closed;
  }

  /** Resolves when the socket is gone. */
  get gone(): Promise<void> {
    return this.#conn.gone;
  }

  /** Sends a text that others get too. */
  trySend(text: WsMessage): boolean {
    return this.#conn.trySend(text);
  }

  /** For the crowd: the browser does not read. */
  close(code = 1000, text = ""): Promise<WsClose> {
    logger.info("{address} does not read, and is let go", { address: this.address });
    this.end(code, text, "slow");
    return this.closed;
  }

  /** Sends an event; a browser that has not read for too long is let go. */
  deliver(event: ChatEvent, own: boolean): void {
    if (this.#ended) return;
    if (!own && (event.type === "message" || event.type === "notice")) {
      return this.#side.crowd.tell(event);
    }
    if (event.type === "welcome") {
      this.#welcomed = event.name;
      this.#side.crowd.enter(this, event.room, this.#lang);
    }
    this.#send(toMessage(event, this.#lang, own));
    if (event.type !== "bye") return;
    if (event.code === "shutdown") this.end(1001, "the server stops", "shutdown");
    else this.end(1000, event.code, "quit");
  }

  /**
   * Takes the user out and closes the connection; what is queued goes first.
   *
   * The user goes now, not when the socket is closed: a browser that does not answer the close
   * frame is cut only after some seconds, in which its socket counts as a connection.
   *
   * @param code The close code (RFC 6455 §7.4).
   * @param text For developers; at most 123 bytes.
   * @param reason Why the user goes, for the log.
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
    this.#side.crowd.leave(this);
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

  /** Takes messages in turn, no faster than the rate. */
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
          await this.#side.door.turn(this.#network, this.#conn.signal);
        }
        if (this.#ended) return;
        this.#obey(command);
      }
    } catch { /* How it ended is known already. */ }
  }

  #obey(command: Command | "binary" | undefined): void {
    if (command === undefined) return this.#tell("error", "This is no message of the chat.");
    if (command === "binary") return this.#tell("error", "Only JSON in text frames is understood.");
    if (command.type === "lang") this.#setLang(command.lang);
    else if (command.type === "rooms") this.#sendRooms();
    else if (command.type === "join") this.#join(command);
    else if (this.#member === undefined) this.#tell("error", "Join first.");
    else this.#member.say(command.text, command.id);
  }

  #setLang(lang: Lang): void {
    this.#lang = lang;
    if (this.#member?.present) this.#side.crowd.enter(this, this.#member.room, lang);
  }

  #join({ name, room, since, token, lang }: Extract<Command, { type: "join" }>): void {
    if (this.#member !== undefined) return this.#tell("error", "You have joined already.");
    this.#lang = lang ?? this.#lang;
    const result = this.#side.lobby.join({ name, room, since, token }, this);
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
