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
import { Alarm } from "../../net/internal/timer.ts";
import { Throttle } from "../../net/throttle.ts";
import type { WsConnection } from "../../ws/connection/connection.ts";
import type { WsClose, WsMessage } from "../../ws/connection/options.ts";
import type { AddressRates } from "./address_rate.ts";
import type { ChatEvent, RoomEvent, SearchRequest } from "./events.ts";
import type { Face, LeaveReason, Member, Replay } from "./member.ts";
import type { Lobby } from "./lobby.ts";
import type { Hearer, WebBroadcast } from "./web_broadcast.ts";
import { PageTraces } from "./page_traces.ts";
import { isTraced } from "./tracing.ts";
import { type Command, encodeEvent, readCommand } from "./web_protocol.ts";
import { type Lang, sentence, type SentenceCode } from "./words.ts";

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
  /** The rate limits of an address. */
  readonly rates: AddressRates;
  /** The limits of each browser. */
  readonly limits: WebSocketLimits;
  /** The counters of all browsers. */
  readonly counts: WebSocketCounts;
}

/** A message that is a line, or changes one. The rate limit of lines counts it. */
const LINES: ReadonlySet<string> = new Set(["say", "edit", "delete", "react"]);

/** A message whose answer can have many messages. The rate limit of the address counts it. */
const QUESTIONS: ReadonlySet<string> = new Set(["history", "search"]);

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
  /** A page reports once for each picture that it paints, and for each own line. */
  readonly #reports = new Throttle(200, 200);
  #lang: Lang;
  #member: Member | undefined;
  /** The id of the user; 0 before the welcome. */
  #user = 0;
  #ended = false;
  readonly #traces: PageTraces | undefined = isTraced ? new PageTraces() : undefined;
  /** The search that runs. */
  #searching: Promise<void> | undefined;
  /** The reason of the end, for a member that is admitted afterwards. */
  #reason: LeaveReason = "lost";
  readonly #naming: Alarm = new Alarm(() => {
    this.#fault(sentence(this.#lang, "naming-timeout", {}));
    this.end(1008, "no name in time", "ended");
  });

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
    this.replay = { messages: Infinity, bytes: limits.sendQueue * JSON_FACTOR / 2 };
    this.address = conn.peer;
    this.#lang = origin.lang;
    this.#throttle = new Throttle(limits.rate, limits.burst);
    this.#questions = new Throttle(limits.rate, limits.burst);
    this.#expectName();
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
  get user(): number {
    return this.#user;
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

  /** Sends events of a room, which all its browsers receive. */
  hear(events: readonly RoomEvent[]): void {
    if (!this.#ended) this.#side.broadcast.tell(events);
  }

  /** Sends an event. A browser whose queue is full is disconnected. */
  deliver(event: ChatEvent, own: boolean): void {
    if (this.#ended) return;
    const { broadcast } = this.#side;
    if (event.type === "welcome") {
      this.#user = event.user;
      broadcast.enter(this, event.room, this.#lang);
      if (isTraced) event = { ...event, traces: true };
    } else if (event.type === "notice" && event.code === "left") {
      broadcast.leave(this, event.room);
    }
    this.#send(encodeEvent(event, this.#lang, own));
    if (own) this.#traces?.answer(event);
    if (event.type !== "bye") return;
    if (event.code === "shutdown") this.end(1001, "the server stops", "shutdown");
    else if (event.code === "offline") this.end(1012, "the server is offline", "shutdown");
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
    this.#reason = reason;
    this.#naming.stop();
    this.#traces?.end();
    this.#side.broadcast.leave(this);
    this.#member?.leave(reason);
  }

  #send(text: string): void {
    if (!this.#conn.trySend(text) && this.#conn.open) void this.close(1008, "too slow");
  }

  #fault(text: string, more: object = {}): void {
    this.#send(JSON.stringify({ type: "error", text, ...more }));
  }

  /** Disconnects the browser if it sends no name in time. */
  #expectName(): void {
    this.#naming.start(timeLimit(this.#side.limits.nameTimeout));
  }

  /** Reads messages at most at the rate limit. */
  async #listen(): Promise<void> {
    try {
      for await (const message of this.#conn) {
        const command = typeof message === "string" ? readCommand(message) : "binary";
        await this.#takeTurn(command);
        if (this.#ended) return;
        await this.#obey(command);
        if (this.#ended) return;
      }
    } catch (error) {
      // The signal of the connection has reported its end. Any other error is a bug.
      if (this.#ended || !this.#conn.open) return;
      logger.error("{address} is disconnected after an error: {error}", {
        address: this.address,
        error,
      });
      this.end(1011, "internal error", "error");
    }
  }

  #limitOf(command: Command | "binary" | undefined): Throttle {
    if (typeof command !== "object" || LINES.has(command.type)) return this.#throttle;
    return isTraced && command.type === "shown" ? this.#reports : this.#questions;
  }

  /** Waits until the rate limits allow a message. */
  async #takeTurn(command: Command | "binary" | undefined): Promise<void> {
    const wait = this.#limitOf(command).take(performance.now());
    const { signal } = this.#conn;
    const { counts, rates, lobby } = this.#side;
    if (wait > 0) {
      counts.throttled++;
      await delay(wait, { signal });
    }
    if (typeof command !== "object") return;
    if (LINES.has(command.type)) {
      const turn = rates.line(this.network, signal, "text" in command ? command.text : "");
      if (turn !== undefined) await turn;
    } else if (QUESTIONS.has(command.type)) {
      await rates.question(this.network, signal);
    } else if (command.type === "join" && this.#member === undefined) {
      // The name is in time, however long its turn takes.
      this.#naming.stop();
      const { token } = command;
      const user = token === undefined
        ? undefined
        : await lobby.userOf(token).catch(() => undefined);
      await (user === undefined
        ? rates.joins.turn(this.network, signal)
        : rates.return(this.network, user, signal));
    }
  }

  #obey(command: Command | "binary" | undefined): Promise<void> | undefined {
    if (command === undefined) return void this.#fault("This is not a message of the chat.");
    if (command === "binary") {
      return void this.#fault("The chat accepts JSON in text frames only.");
    }
    if (command.type === "lang") return void this.#setLang(command.lang);
    if (command.type === "ping") return void this.#pong(command.id);
    if (command.type === "join") return this.#join(command);
    if (this.#member === undefined) return void this.#fault("Join first.");
    if (command.type === "rooms") return void this.#sendRooms();
    if (command.type === "shown") return void this.#traces?.show(command.traces);
    if (command.type === "search") return this.#search(this.#member, command.request);
    return act(this.#member, command, this.#traces);
  }

  #setLang(lang: Lang): void {
    this.#lang = lang;
    this.#side.broadcast.setLang(this, lang);
  }

  /** Begins a search. Lines need not wait for it, and the next search does. */
  #search(member: Member, request: SearchRequest): Promise<void> | undefined {
    const earlier = this.#searching;
    const search = Promise.resolve(earlier).then(() => member.search(request)).finally(() => {
      if (this.#searching === search) this.#searching = undefined;
    });
    this.#searching = search;
    return earlier;
  }

  #pong(id: number | undefined): void {
    this.#send(JSON.stringify({ type: "pong", id }));
  }

  async #join(command: Extract<Command, { type: "join" }>): Promise<void> {
    if (this.#member !== undefined) return this.#fault("You have joined already.");
    const { lang = this.#lang, type: _, ...request } = command;
    this.#lang = lang;
    const result = await this.#side.lobby.join(request, this);
    if ("code" in result) {
      const { code, params } = result;
      if (this.#ended) return;
      this.#expectName();
      return this.#fault(sentence(this.#lang, code as SentenceCode, params), { code });
    }
    this.#member = result;
    // The browser may have gone before its welcome.
    if (this.#ended) result.leave(this.#reason);
  }

  #sendRooms(): void {
    this.#send(roomsMessage(this.#side.lobby));
  }
}

/** The messages of a user who has joined. */
type Action = Exclude<Command, { type: "join" | "lang" | "rooms" | "ping" | "search" | "shown" }>;

/** Carries out a message of a user. */
function act(
  member: Member,
  command: Action,
  traces: PageTraces | undefined,
): Promise<void> | undefined {
  switch (command.type) {
    case "say": {
      const { text, options, trace } = command;
      return member.say(text, traces?.begin(options, trace) ?? options);
    }
    case "edit":
      return member.edit(command.target, command.text, command.id);
    case "delete":
      return member.remove(command.target, command.id);
    case "react":
      return member.react(command.target, command.emoji, command.on, command.id);
    case "history":
      return member.history(command.query);
    case "leave":
      return void member.leaveRoom(command.room, command.id);
  }
}

/**
 * Returns the list of rooms for browsers.
 *
 * @param lobby The lobby of the chat.
 * @returns The JSON text of the frame.
 */
export function roomsMessage(lobby: Lobby): string {
  return JSON.stringify({ type: "rooms", rooms: lobby.rooms });
}
