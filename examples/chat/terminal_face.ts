/**
 * One terminal: the lines of a user, and the events that the user sees. Private to the chat.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { peerNetwork } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import {
  anObject,
  count,
  integer,
  limit,
  milliseconds,
  numberFrom,
  oneOf,
  OptionRules,
  required,
} from "../../net/internal/options.ts";
import { Throttle } from "../../net/throttle.ts";
import type { AddressRates } from "./address_rate.ts";
import { type Broadcast, Listener } from "./broadcast.ts";
import type { ChatEvent, NoticeCode, Params, RoomEvent } from "./events.ts";
import type { ChatRefusal, Face, Member, Replay } from "./member.ts";
import { type Charset, charsetNamed, CHARSETS, encodeText } from "./telnet/charset.ts";
import { TerminalInput, type TerminalLine } from "./telnet/input.ts";
import { TerminalCommands } from "./terminal_commands.ts";
import { REPLAYED, serverLines, type TerminalStyle, terminalText } from "./terminal_text.ts";
import { type FaceCode, sentence, type SentenceCode } from "./words.ts";

/** The smallest send queue in bytes. The welcome with its messages has to fit. */
const MIN_QUEUE = 64 * 1024;

/** The lines of an address that many bytes without a line count as. */
const NOISE = 4;

/** The limits of one terminal. */
export interface TerminalLimits extends TerminalStyle {
  /** The character encoding of terminals at first. `/charset` changes that of one terminal. */
  readonly charset: Charset;
  /** The time to enter a name, in milliseconds; 0 removes the limit. */
  readonly nameTimeout: number;
  /** The time without a line of the user, in milliseconds; 0 removes the limit. */
  readonly idleTimeout: number;
  /** The maximum size of a line in bytes. */
  readonly maxLine: number;
  /** The lines per second; 0 removes the limit. */
  readonly rate: number;
  /** The lines that a user may send at once. */
  readonly burst: number;
  /** The size of the send queue of the connection in bytes, at least 64 KiB. */
  readonly sendQueue: number;
  /** The rate limits of an address, if browsers share them. @default from `rate` and `burst` */
  readonly rates?: AddressRates;
}

/** The rules for {@linkcode TerminalLimits}. */
export const TERMINAL_RULES = new OptionRules<TerminalLimits>({
  lang: required(oneOf("en", "zh")),
  replay: required(limit),
  charset: required(oneOf(...CHARSETS)),
  nameTimeout: required(milliseconds),
  idleTimeout: required(milliseconds),
  maxLine: required(count),
  rate: required(numberFrom(0)),
  burst: required(count),
  sendQueue: required(integer(MIN_QUEUE, Number.MAX_SAFE_INTEGER)),
  rates: anObject,
});

/** The notices that a user sees although they are about the user. */
const OWN_NOTICES: ReadonlySet<NoticeCode> = new Set(["renamed", "stopping"]);

/** One terminal. */
export class Terminal implements Face {
  readonly address: string;
  readonly network: string;
  readonly rooms = "one";
  readonly replay: Replay;
  readonly #conn: Connection;
  readonly #broadcastIn: (charset: Charset) => Broadcast;
  #broadcast: Broadcast;
  readonly #listener: Listener;
  readonly #limits: TerminalLimits;
  readonly #input: TerminalInput;
  readonly #commands: TerminalCommands;
  readonly #throttle: Throttle;

  /**
   * @param conn The connection of the user.
   * @param broadcastIn Returns the terminals of an encoding, which share their encoded lines.
   * @param limits The limits of the terminal.
   */
  constructor(
    conn: Connection,
    broadcastIn: (charset: Charset) => Broadcast,
    limits: TerminalLimits,
  ) {
    this.address = conn.peer;
    this.network = networkOf(conn);
    this.replay = { messages: limits.replay, bytes: REPLAYED };
    this.#conn = conn;
    this.#broadcastIn = broadcastIn;
    this.#broadcast = broadcastIn(limits.charset);
    this.#listener = new Listener((bytes) => conn.trySend(bytes));
    this.#limits = limits;
    this.#input = new TerminalInput(conn, limits);
    this.#commands = new TerminalCommands(limits);
    this.#throttle = new Throttle(limits.rate, limits.burst);
  }

  /** Shows events of the room that others caused. */
  hear(events: readonly RoomEvent[]): void {
    this.#commands.hear(events);
    this.#broadcast.tell(this.#listener, events);
  }

  /** Shows an event to the user. */
  deliver(event: ChatEvent, own: boolean): void {
    this.#commands.note(event, own);
    if (isForRoom(event)) {
      if (isShown(event, own)) this.#broadcast.tell(this.#listener, [event]);
      return;
    }
    this.flush();
    this.#show(terminalText(event, this.#limits));
    if (event.type === "bye") void this.#conn.close();
  }

  /** Runs a line of the user. Returns a promise to await before the next line. */
  run(member: Member, line: string): Promise<void> | undefined {
    const command = this.#commands.run(member, line);
    return command === undefined ? member.say(line) : this.#answer(command);
  }

  async #answer(command: Promise<FaceCode | null>): Promise<void> {
    const code = await command;
    if (code !== null) this.tell(code);
  }

  /** Queues the lines of the room, so that later messages do not overtake them. */
  flush(): void {
    this.#listener.flush();
  }

  /** Sends a sentence of the face itself. */
  tell(code: SentenceCode, params?: Params): void {
    this.flush();
    this.#show(serverLines(sentence(this.#limits.lang, code, params)));
  }

  /** Explains the refusal of a name, and asks for another one if that can help. */
  refuse({ code, params }: ChatRefusal, again: boolean): void {
    const { lang } = this.#limits;
    const question = again && code.startsWith("name-") && code !== "name-space";
    const more = question ? ` ${sentence(lang, "try-again")}` : "";
    this.#show(serverLines(sentence(lang, code, params) + more));
  }

  /** Returns the name that the user enters; null if there is none in time. */
  async name(due: number): Promise<string | null> {
    try {
      return await this.line(due);
    } catch (error) {
      if (!isSilence(error)) throw error;
      this.tell("naming-timeout");
      return null;
    }
  }

  /** Returns the next line, at most at the rate limit. Lines that cannot be used get an answer. */
  line(due = Infinity): string | null | Promise<string | null> {
    // A line that has arrived already costs no promise.
    const ready = this.#input.ready();
    const wait = ready === undefined ? 0 : this.#throttle.take(performance.now());
    const isPlain = ready?.type === "line" && !ready.text.startsWith("/");
    return isPlain && wait === 0 ? ready.text : this.#line(due, ready, wait);
  }

  async #line(
    due: number,
    ready: TerminalLine | undefined,
    readyIn: number,
  ): Promise<string | null> {
    const { maxLine, idleTimeout } = this.#limits;
    const idleDue = () => idleTimeout > 0 ? performance.now() + idleTimeout : Infinity;
    let end = Math.min(due, idleDue());
    while (true) {
      const line = ready ?? await this.#input.next(end);
      if (line.type === "end") return null;
      if (line.type !== "noise") end = Math.min(due, idleDue());
      const wait = ready === undefined ? this.#throttle.take(performance.now()) : readyIn;
      ready = undefined;
      // A pause in reading slows the sender down by backpressure and loses nothing.
      if (wait > 0) await delay(wait, { signal: this.#conn.signal });
      if (line.type === "line") {
        const match = /^\/charset(?:\s+(.*))?$/i.exec(line.text);
        if (match === null) return line.text;
        this.#useCharset(match[1] ?? "");
      } else if (line.type === "too-long") this.tell("too-long", { max: `${maxLine}` });
      else if (line.type === "are-you-there") this.tell("here");
      else if (line.type === "not-decodable") {
        this.tell("not-decodable", { charset: this.#input.charset, guess: line.guess });
      } else await this.#limits.rates?.lines.turn(this.network, this.#conn.signal, NOISE);
    }
  }

  /** Runs `/charset`, which works before the user has a name, too. */
  #useCharset(name: string): void {
    const charset = charsetNamed(name.trim());
    if (charset === undefined) return this.tell("usage-charset");
    this.flush();
    this.#input.charset = charset;
    this.#broadcast = this.#broadcastIn(charset);
    this.tell("charset", { charset });
  }

  #show(lines: string): void {
    this.#conn.trySend(encodeText(lines, this.#input.charset));
  }
}

/** Returns whether all users in the room receive the same event. */
function isForRoom(event: ChatEvent): event is RoomEvent {
  switch (event.type) {
    case "message":
    case "notice":
      return true;
    case "edit":
    case "delete":
    case "reaction":
      return event.room !== undefined;
    default:
      return false;
  }
}

/** Returns whether a terminal shows an event to its author. */
function isShown(event: RoomEvent, own: boolean): boolean {
  if (!own) return true;
  // The user sees the own line already, and the welcome replaces the own notice.
  return event.type === "notice" ? OWN_NOTICES.has(event.code) : event.type !== "message";
}

/** Returns the network of a user, for the limits of an address. */
function networkOf({ remoteAddr }: Connection): string {
  return "hostname" in remoteAddr ? peerNetwork(remoteAddr.hostname) : "";
}

/** Returns whether an error is the time limit of a read. */
export function isSilence(error: unknown): boolean {
  return error instanceof NetError && error.kind === "timeout" && error.phase === "read";
}
