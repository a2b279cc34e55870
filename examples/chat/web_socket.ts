/**
 * The browser's face of the chat: one JSON object a text frame, the same room
 * and the same rules as in the terminal.
 *
 * A browser cannot be slowed down by not reading, and `send` of a WebSocket
 * never waits; so both directions are bounded here.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { ChatEvent, HistoryEvent } from "./events.ts";
import type { Face, LeaveReason, Member } from "./member.ts";
import type { Lobby } from "./room.ts";
import { byteLength } from "./text.ts";
import { Throttle } from "../../net/throttle.ts";
import { Outbox } from "./web_outbox.ts";
import { type Lang, sentence } from "./words.ts";

/** Limits of one browser. */
export interface WebSocketLimits {
  /** Bytes that may wait to be sent before the reader is let go. */
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

/** Messages that may wait for their turn before a flooding browser is let go. */
const MAX_INBOX = 200;

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

/** An event is the same text for everyone of one language. */
const encoded = new WeakMap<ChatEvent, Partial<Record<Lang, string>>>();

function encode(event: ChatEvent, lang: Lang, own: boolean): string {
  if (own || event.type === "welcome") return JSON.stringify(toMessage(event, lang, own));
  let texts = encoded.get(event);
  if (texts === undefined) encoded.set(event, texts = {});
  return texts[lang] ??= JSON.stringify(toMessage(event, lang, false));
}

/** About how long the event is in a terminal, which is what may wait there too. */
function sizeOf(event: ChatEvent): number {
  switch (event.type) {
    case "message":
    case "private":
      return byteLength(event.text) + event.from.length + 3;
    case "welcome":
      return event.events.reduce((sum, past) => sum + sizeOf(past), 100);
    default:
      return 100;
  }
}

/** The event as the page gets it: with its sentence, where it has one. */
function toMessage(event: ChatEvent, lang: Lang, own: boolean): object {
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
      const told = (past: HistoryEvent) =>
        toMessage(past, lang, past.type === "message" && past.from === event.name);
      return { ...event, events: event.events.map(told) };
    }
  }
}

/** One browser. */
export class WebSocketFace implements Face {
  readonly address: string;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;

  readonly #socket: WebSocket;
  readonly #lobby: Lobby;
  readonly #limits: WebSocketLimits;
  readonly #counts: WebSocketCounts;
  /** The one way out, so that nothing can pile up when the browser does not read. */
  readonly #outbox: Outbox;
  readonly #throttle: Throttle;
  /** Questions of the page have a measure of their own, so that they use up nobody's lines. */
  readonly #questions: Throttle;
  /** What waits for its turn; undefined is what was no text. */
  readonly #inbox: Array<string | undefined> = [];
  #waitingLength = 0;
  #lang: Lang;
  #member: Member | undefined;
  #ended = false;
  #reason: LeaveReason = "ended";
  #naming: ReturnType<typeof setTimeout> | undefined;
  #waiting: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes over a socket that is being opened.
   *
   * @param socket The server's end.
   * @param lobby The chat.
   * @param address The browser's address, for the log.
   * @param lang Its language until it says another.
   * @param limits Its limits.
   * @param counts Where to count what it brings about.
   */
  constructor(
    socket: WebSocket,
    lobby: Lobby,
    address: string,
    lang: Lang,
    limits: WebSocketLimits,
    counts: WebSocketCounts,
  ) {
    this.#socket = socket;
    this.#lobby = lobby;
    this.address = address;
    this.#lang = lang;
    this.#limits = limits;
    this.#counts = counts;
    this.#outbox = new Outbox(socket, limits.sendQueue, () => {
      logger.info("{address} does not read, and is let go", { address });
      this.end(1008, "too slow", "slow");
    });
    this.#throttle = new Throttle(limits.rate, limits.burst);
    this.#questions = new Throttle(limits.rate, limits.burst);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    if (limits.nameTimeout > 0) {
      this.#naming = setTimeout(() => {
        this.#tell("error", sentence(this.#lang, "naming-timeout", {}));
        this.end(1008, "no name in time", "ended");
      }, limits.nameTimeout);
    }
    socket.onopen = () => {
      // It was told to end before it was there.
      if (this.#ended) socket.close(1001, "the server stops");
    };
    socket.onmessage = ({ data }) => this.#take(data);
    // An error is always followed by close.
    socket.onerror = () => this.#reason = "lost";
    socket.onclose = () => {
      this.#ended = true;
      clearTimeout(this.#naming);
      clearTimeout(this.#waiting);
      this.#outbox.clear();
      this.#member?.leave(this.#reason);
      resolve();
    };
  }

  /** Whether it has been told to close; whether it ever answers is up to the browser. */
  get closing(): boolean {
    return this.#ended;
  }

  /** Whether its user is or was in the chat. */
  get joined(): boolean {
    return this.#member !== undefined;
  }

  /** Sends an event; a browser that has not read for too long is let go. */
  deliver(event: ChatEvent, own: boolean): void {
    if (this.#ended) return;
    this.#outbox.push(sizeOf(event), () => encode(event, this.#lang, own));
    if (event.type !== "bye") return;
    if (event.code === "shutdown") this.end(1001, "the server stops", "shutdown");
    else this.end(1000, event.code, "quit");
  }

  /**
   * Takes the user out and closes the socket; what is queued goes first.
   *
   * The user goes now, not when the socket is closed: a browser that does not answer the close
   * frame keeps the socket open as long as it likes, and Deno has no means to cut it alone. All
   * that such a socket can still do is to count against the limits of connections.
   *
   * @param code The close code (RFC 6455 §7.4).
   * @param text For developers; at most 123 bytes.
   * @param reason Why the user goes, for the log.
   */
  end(code: number, text: string, reason: LeaveReason): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#naming);
    clearTimeout(this.#waiting);
    this.#inbox.length = 0;
    this.#member?.leave(reason);
    if (reason === "slow") this.#outbox.clear();
    else this.#outbox.flush();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, text);
  }

  #send(message: object): void {
    const text = JSON.stringify(message);
    this.#outbox.push(text.length, () => text);
  }

  #tell(type: "error" | "reply", text: string, more: object = {}): void {
    this.#send({ type, text, ...more });
  }

  #take(data: unknown): void {
    if (this.#ended) return;
    const text = typeof data === "string" ? data : undefined;
    const length = text?.length ?? 0;
    if (length > this.#limits.maxMessage) return this.end(1009, "message too large", "ended");
    const full = this.#inbox.length > 0 && this.#waitingLength + length > this.#limits.sendQueue;
    if (full || this.#inbox.length >= MAX_INBOX) {
      return this.end(1008, "too many messages", "flood");
    }
    this.#inbox.push(text);
    this.#waitingLength += length;
    if (this.#waiting === undefined) this.#work();
  }

  /** Takes messages in turn, no faster than the rate. */
  #work(): void {
    this.#waiting = undefined;
    while (this.#inbox.length > 0) {
      const text = this.#inbox.shift();
      this.#waitingLength -= text?.length ?? 0;
      const command = text === undefined ? "binary" : readCommand(text);
      const question = typeof command === "object" && command.type !== "say";
      const wait = (question ? this.#questions : this.#throttle).take(performance.now());
      if (wait === 0) this.#obey(command);
      else {
        this.#counts.throttled++;
        this.#waiting = setTimeout(() => {
          this.#obey(command);
          this.#work();
        }, wait);
        return;
      }
    }
  }

  #obey(command: Command | "binary" | undefined): void {
    if (command === undefined) return this.#tell("error", "This is no message of the chat.");
    if (command === "binary") return this.#tell("error", "Only JSON in text frames is understood.");
    if (command.type === "lang") this.#lang = command.lang;
    else if (command.type === "rooms") this.#sendRooms();
    else if (command.type === "join") this.#join(command);
    else if (this.#member === undefined) this.#tell("error", "Join first.");
    else this.#member.say(command.text, command.id);
  }

  #join({ name, room, since, token, lang }: Extract<Command, { type: "join" }>): void {
    if (this.#member !== undefined) return this.#tell("error", "You have joined already.");
    this.#lang = lang ?? this.#lang;
    const result = this.#lobby.join({ name, room, since, token }, this);
    if ("code" in result) {
      const { code, params } = result;
      return this.#tell("error", sentence(this.#lang, code, params), { code });
    }
    this.#member = result;
    clearTimeout(this.#naming);
  }

  #sendRooms(): void {
    if (this.#member === undefined) return this.#tell("error", "Join first.");
    this.#send({ type: "rooms", rooms: this.#lobby.rooms });
  }
}
