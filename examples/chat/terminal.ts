/**
 * The face of the chat for terminals: lines over a connection, as with `nc` and `telnet`.
 *
 * A terminal whose network is gone ends within two minutes: see `deadPeerTimeout` of `serveTcp`. An
 * `idleTimeout` ends also users who only read.
 *
 * @module
 */

import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import type {
  ServerStats,
  ServeTcpOptions,
  ShutdownOptions,
  ShutdownReport,
} from "../../net/tcp/server_options.ts";
import { AddressRates } from "./address_rate.ts";
import { Broadcast } from "./broadcast.ts";
import type { Lobby } from "./lobby.ts";
import type { LeaveReason, Member } from "./member.ts";
import { byteLength } from "./safe_text.ts";
import type { Charset } from "./telnet/charset.ts";
import { isSilence, Terminal, TERMINAL_RULES, type TerminalLimits } from "./terminal_face.ts";
import { within } from "./within.ts";

export type { TerminalLimits };

/** The number of attempts to enter a name. */
const ATTEMPTS = 5;

/** Serves terminals of one style. */
export class Terminals {
  readonly #lobby: Lobby;
  readonly #limits: TerminalLimits;
  readonly #broadcasts = new Map<Charset, Broadcast>();
  readonly #rates: AddressRates;

  /**
   * @param lobby The lobby of the chat.
   * @param limits The limits of each terminal.
   * @throws {RangeError | TypeError} If a limit is invalid.
   */
  constructor(lobby: Lobby, limits: TerminalLimits) {
    limits = TERMINAL_RULES.check("Terminals", limits);
    this.#lobby = lobby;
    this.#rates = limits.rates ?? new AddressRates(limits.rate, limits.burst);
    this.#limits = { ...limits, rates: this.#rates };
  }

  /**
   * Serves one user from the greeting to the end. The connection should have the send queue policy
   * "disconnect", so that a user who does not read is disconnected and delays nobody.
   *
   * @param conn The connection of the user.
   */
  async serve(conn: Connection): Promise<void> {
    const terminal = new Terminal(conn, (charset) => this.#broadcastIn(charset), this.#limits);
    const member = await this.#admit(terminal, conn);
    if (member === undefined) return;
    let reason: LeaveReason = "ended";
    try {
      while (true) {
        const next = terminal.line();
        const line = next instanceof Promise ? await next : next;
        if (line === null || !member.present) break;
        const size = byteLength(line);
        const permit = this.#rates.line(terminal.network, conn.signal, line);
        if (permit !== undefined) await permit;
        const done = terminal.run(member, line);
        if (done !== undefined) await done;
        // One budget for all terminals, whatever their encoding.
        const turn = this.#broadcastIn(this.#limits.charset).spend(size + member.name.length);
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

  /** Returns the terminals of one encoding, which share their encoded lines. */
  #broadcastIn(charset: Charset): Broadcast {
    let broadcast = this.#broadcasts.get(charset);
    if (broadcast === undefined) {
      broadcast = new Broadcast(this.#limits, this.#limits.sendQueue / 4, charset);
      this.#broadcasts.set(charset, broadcast);
    }
    return broadcast;
  }

  /** Asks for a name until it is valid. */
  async #admit(terminal: Terminal, conn: Connection): Promise<Member | undefined> {
    const { nameTimeout } = this.#limits;
    const due = nameTimeout > 0 ? performance.now() + nameTimeout : Infinity;
    terminal.tell("greeting");
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const name = await terminal.name(due);
      if (name === null) return undefined;
      if (attempt === 1) await this.#rates.joins.turn(terminal.network, conn.signal);
      const result = await this.#lobby.join({ name }, terminal);
      if (!("code" in result)) return result;
      terminal.refuse(result, attempt < ATTEMPTS);
      if (result.code === "full" || result.code === "stopping") return undefined;
    }
    terminal.tell("naming-attempts");
    return undefined;
  }
}

/** Returns the reason of a failed connection, for the log. */
function leaveReason(error: unknown): LeaveReason {
  if (!(error instanceof NetError)) return "error";
  const slow = error.phase === "write" && (error.kind === "limit" || error.kind === "timeout");
  return slow ? "slow" : "lost";
}

/** A running server for terminals. */
export interface TerminalServer extends AsyncDisposable {
  /** The address of the server. */
  readonly addr: Deno.NetAddr;
  /** The address as a URL, e.g. `tcp://127.0.0.1:9000`. */
  readonly url: string;
  /** Resolves after the shutdown. */
  readonly finished: Promise<void>;
  /** Returns the counters of this moment. */
  stats(): ServerStats;
  /** Stops accepting, sends all users a farewell, and sends the queues until the deadline. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/**
 * Starts the server for terminals.
 *
 * @param lobby The lobby of the chat.
 * @param limits The limits of each terminal.
 * @param options The address, and the limits of connections.
 * @returns The server. Its shutdown also ends the chat.
 * @throws {NetError} In phase "listen".
 * @throws {RangeError | TypeError} If a limit or an option is invalid.
 */
export function serveTerminals(
  lobby: Lobby,
  limits: TerminalLimits,
  options: ServeTcpOptions,
): TerminalServer {
  const terminals = new Terminals(lobby, limits);
  const server = serveTcp(options, (conn) => terminals.serve(conn));
  const shutdown = async (options: ShutdownOptions = {}) => {
    options = SHUTDOWN.check("shutdown", options);
    const { deadline = 5000 } = options;
    const due = performance.now() + deadline;
    await within(lobby.shutdown(), deadline);
    return await server.shutdown({ ...options, deadline: Math.max(0, due - performance.now()) });
  };
  return {
    addr: server.addr,
    url: server.url,
    finished: server.finished,
    stats: () => server.stats(),
    shutdown,
    [Symbol.asyncDispose]: async () => void await shutdown(),
  };
}
