/**
 * The terminal's face of the chat: lines over a connection, as `nc` and `telnet` bring them.
 *
 * A peer that vanished without a word is found by TCP keep-alive, at the pace of the system: on
 * Linux two hours, unless `net.ipv4.tcp_keepalive_time` says otherwise. An `idleTimeout` finds it
 * sooner, and the silent ones too.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { peerNetwork } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import type {
  ServerStats,
  ServeTcpOptions,
  ShutdownOptions,
  ShutdownReport,
} from "../../net/tcp/server_options.ts";
import { Broadcast, Listener } from "./broadcast.ts";
import { Door } from "./door.ts";
import type { ChatEvent, Params } from "./events.ts";
import type { ChatRefusal, Face, LeaveReason, Member } from "./member.ts";
import type { Lobby } from "./lobby.ts";
import { serverLines, type TerminalStyle, terminalText } from "./terminal_text.ts";
import { byteLength } from "./text.ts";
import { Throttle } from "../../net/throttle.ts";
import { sentence, type SentenceCode } from "./words.ts";

/** Limits of one terminal. */
export interface TerminalLimits extends TerminalStyle {
  /** How long a user may take to give a name, in milliseconds; 0 for ever. */
  readonly nameTimeout: number;
  /** How long a user may say nothing, whatever the others say, in milliseconds; 0 for ever. */
  readonly idleTimeout: number;
  /** The most bytes of a line. */
  readonly maxLine: number;
  /** Lines a second; 0 lifts the limit. */
  readonly rate: number;
  /** Lines at once. */
  readonly burst: number;
  /** The limit of the connection's send queue in bytes, at least 64 KiB. */
  readonly sendQueue: number;
}

/** How often a user may try to find a name. */
const ATTEMPTS = 5;

/** Serves terminals of one style, which share what they encode. */
export class Terminals {
  readonly #lobby: Lobby;
  readonly #limits: TerminalLimits;
  readonly #broadcast: Broadcast;
  readonly #door: Door;

  /** @param lobby The chat. @param limits The limits of each terminal. */
  constructor(lobby: Lobby, limits: TerminalLimits) {
    this.#lobby = lobby;
    this.#limits = limits;
    this.#broadcast = new Broadcast(limits, limits.sendQueue / 4);
    this.#door = new Door(limits.rate, limits.burst);
  }

  /**
   * Serves one user from the greeting to the end. The connection should have the send queue policy
   * "disconnect": whoever does not read is let go, and nobody waits for him.
   *
   * @param conn The user's connection.
   */
  async serve(conn: Connection): Promise<void> {
    const terminal = new Terminal(conn, this.#broadcast, this.#limits);
    const member = await this.#admit(terminal, conn);
    if (member === undefined) return;
    let reason: LeaveReason = "ended";
    try {
      for (let line; (line = await terminal.line()) !== null && member.present;) {
        member.say(line);
        const turn = this.#broadcast.spend(byteLength(line) + member.name.length);
        if (turn !== undefined) await turn;
      }
    } catch (error) {
      reason = leaveReason(error);
      if (!isSilence(error)) throw error;
      terminal.tell("silence");
    } finally {
      member.leave(reason);
      terminal.flush();
    }
  }

  /** Asks for a name until there is a good one. */
  async #admit(terminal: Terminal, conn: Connection): Promise<Member | undefined> {
    const { nameTimeout } = this.#limits;
    const due = nameTimeout > 0 ? performance.now() + nameTimeout : Infinity;
    terminal.tell("greeting");
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const name = await terminal.name(due);
      if (name === null) return undefined;
      if (attempt === 1) await this.#door.turn(network(conn), conn.signal);
      const result = this.#lobby.join({ name }, terminal);
      if (!("code" in result)) return result;
      terminal.refuse(result, attempt < ATTEMPTS);
      if (result.code === "full" || result.code === "stopping") return undefined;
    }
    terminal.tell("naming-attempts");
    return undefined;
  }
}

/** One terminal. */
class Terminal implements Face {
  readonly address: string;
  readonly #conn: Connection;
  readonly #broadcast: Broadcast;
  readonly #listener: Listener;
  readonly #limits: TerminalLimits;
  readonly #throttle: Throttle;

  constructor(conn: Connection, broadcast: Broadcast, limits: TerminalLimits) {
    this.address = conn.peer;
    this.#conn = conn;
    this.#broadcast = broadcast;
    this.#listener = new Listener((bytes) => conn.trySend(bytes));
    this.#limits = limits;
    this.#throttle = new Throttle(limits.rate, limits.burst);
  }

  deliver(event: ChatEvent, own: boolean): void {
    if (event.type === "message" || event.type === "notice") {
      // What one has typed stands on the screen already, and the welcome says that one is in.
      const shown = !own || (event.type === "notice" && event.code === "renamed");
      if (shown) this.#broadcast.tell(this.#listener, event);
      return;
    }
    this.flush();
    this.#conn.trySend(terminalText(event, this.#limits));
    if (event.type === "bye") void this.#conn.close();
  }

  /** Queues what the room has said, so that nothing overtakes it. */
  flush(): void {
    this.#listener.flush();
  }

  /** Says something of the face's own. */
  tell(code: SentenceCode, params?: Params): void {
    this.flush();
    this.#conn.trySend(serverLines(sentence(this.#limits.lang, code, params)));
  }

  /** Says why a name is refused, and asks for another where there is one to ask for. */
  refuse({ code, params }: ChatRefusal, again: boolean): void {
    const { lang } = this.#limits;
    const question = again && code.startsWith("name-") && code !== "name-space";
    const more = question ? ` ${sentence(lang, "try-again")}` : "";
    this.#conn.trySend(serverLines(sentence(lang, code, params) + more));
  }

  /** The name that the user gives; null if he does not. */
  async name(due: number): Promise<string | null> {
    try {
      return await this.line(due);
    } catch (error) {
      if (!isSilence(error)) throw error;
      this.tell("naming-timeout");
      return null;
    }
  }

  /** The next line that is short enough, no faster than the rate; longer ones are answered. */
  async line(due = Infinity): Promise<string | null> {
    const { maxLine: max, idleTimeout } = this.#limits;
    while (true) {
      const left = Math.min(due - performance.now(), idleTimeout || Infinity);
      const timeout = left === Infinity ? 0 : Math.max(1, left);
      const line = await this.#conn.readLine({ max, timeout }).catch(tooLong);
      const wait = line === null ? 0 : this.#throttle.take(performance.now());
      // Not reading on is what slows the sender down, and it loses nothing.
      if (wait > 0) await delay(wait, { signal: this.#conn.signal });
      if (line !== undefined) return line;
      this.tell("too-long", { max: `${max}` });
    }
  }
}

/** By what a user's place is known at the door. */
function network({ remoteAddr }: Connection): string {
  return "hostname" in remoteAddr ? peerNetwork(remoteAddr.hostname) : "";
}

/** The rest of an over-long line is skipped by the connection, and the user may go on. */
function tooLong(error: unknown): undefined {
  if (error instanceof NetError && error.kind === "limit" && error.phase === "read") return;
  throw error;
}

/** Whether nothing came in time. */
function isSilence(error: unknown): boolean {
  return error instanceof NetError && error.kind === "timeout" && error.phase === "read";
}

/** What ended a connection, as the log says it. */
function leaveReason(error: unknown): LeaveReason {
  if (!(error instanceof NetError)) return "error";
  const slow = error.phase === "write" && (error.kind === "limit" || error.kind === "timeout");
  return slow ? "slow" : "lost";
}

/** The terminal side, listening. */
export interface TerminalServer extends AsyncDisposable {
  /** Where it listens, e.g. `tcp://127.0.0.1:9000`. */
  readonly url: string;
  /** Resolves when it has shut down. */
  readonly finished: Promise<void>;
  /** Counters of this moment. */
  stats(): ServerStats;
  /** Stops accepting, tells everyone in the chat, and lets their queues empty until the deadline. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/**
 * Listens for terminals.
 *
 * @param lobby The chat.
 * @param limits The limits of each terminal.
 * @param options Where to listen, and the limits of connections.
 * @returns The server. Its end is also the end of the chat.
 */
export function serveTerminals(
  lobby: Lobby,
  limits: TerminalLimits,
  options: ServeTcpOptions,
): TerminalServer {
  const terminals = new Terminals(lobby, limits);
  const server = serveTcp(options, (conn) => terminals.serve(conn));
  const shutdown = (options?: ShutdownOptions) => {
    lobby.shutdown();
    return server.shutdown(options);
  };
  return {
    url: server.url,
    finished: server.finished,
    stats: () => server.stats(),
    shutdown,
    [Symbol.asyncDispose]: async () => void await shutdown(),
  };
}
