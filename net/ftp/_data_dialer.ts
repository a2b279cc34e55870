/** Opens data connections: to the server (EPSV, PASV), or from it (EPRT, PORT). */

import { type Address, formatAddress, peerHost } from "../address.ts";
import { Connection } from "../connection/connection.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { closeQuietly } from "../internal/close_quietly.ts";
import { withDeadline } from "../internal/deadline.ts";
import { listen } from "../internal/listen.ts";
import { normalizeHostname } from "../internal/normalize_hostname.ts";
import { connectTcp } from "../tcp/client.ts";
import { type FtpControl, isOf } from "./_control.ts";
import {
  encodeFtpExtendedPort,
  encodeFtpPort,
  parseFtpExtendedPassive,
  parseFtpPassive,
} from "./codec.ts";
import type { ConnectFtpOptions } from "./options.ts";

/** Time limit for closing a data connection if connecting has no limit, in milliseconds. */
const LINGER = 10_000;

/** The errors of a port that cannot be reached. */
const CLOSED: ReadonlySet<string> = new Set(["refused", "unreachable", "timeout"]);

/** A data connection that is agreed on. */
export interface Agreed {
  /** Waits for the connection. Call it after the command of the transfer has been accepted. */
  open(signal: AbortSignal): Promise<Connection>;
  /** Gives the connection up. */
  abort(reason: unknown): void;
}

/** Opens the data connections of a session. */
export class DataDialer {
  readonly #control: FtpControl;
  readonly #options: ConnectFtpOptions;
  /** Whether to try EPSV and EPRT. It becomes false when the server rejects it. */
  #extended: boolean;

  constructor(control: FtpControl, options: ConnectFtpOptions) {
    this.#control = control;
    this.#options = options;
    this.#extended = options.trustPassiveAddress !== true;
  }

  /** Agrees with the server on a data connection. */
  async agree(): Promise<Agreed> {
    if (this.#options.active) return await this.#listen();
    const data = await this.#dial();
    return { open: () => Promise.resolve(data), abort: (reason) => data.abort(reason) };
  }

  /** Connects by EPSV, or by PASV if EPSV is refused or leads to a port that is closed. */
  async #dial(): Promise<Connection> {
    let closed: unknown;
    if (this.#extended) {
      const reply = await this.#control.ask("EPSV");
      const port = isOf(2, reply)
        ? parseFtpExtendedPassive(reply.lines.join(" ")) ??
          this.#control.dialogue.nonsense(reply.lines[0]!)
        : undefined;
      if (port !== undefined) {
        try {
          return await this.#connect({ hostname: this.#host(), port });
        } catch (error) {
          if (!(error instanceof NetError) || !CLOSED.has(error.kind)) throw error;
          closed = error;
        }
      }
      // A temporary refusal may end.
      if (port !== undefined || reply.code >= 500) this.#extended = false;
    }
    const reply = await this.#control.ask("PASV");
    if (!isOf(2, reply)) {
      throw closed ?? this.#control.refused("Cannot open a data connection", reply);
    }
    const passive = parseFtpPassive(reply.lines.join(" "));
    if (passive === undefined) {
      throw closed ?? this.#control.dialogue.nonsense(reply.lines.join(" "));
    }
    const { hostname, port } = passive;
    // The address may be forged, or a private one behind a router. Only the port is used.
    const { trustPassiveAddress } = this.#options;
    return await this.#connect({ hostname: trustPassiveAddress ? hostname : this.#host(), port });
  }

  async #connect(address: { hostname: string; port: number }): Promise<Connection> {
    const { connectData, signal } = this.#options;
    const { connectTimeout } = this.#control.dialogue;
    const dial = {
      ...address,
      ...this.#limits,
      timeout: connectTimeout,
      ...(signal && { signal }),
    };
    try {
      return await (connectData?.(address) ?? connectTcp(dial));
    } catch (error) {
      throw this.#control.dialogue.spare(error);
    }
  }

  /** The limits of data connections. TLS needs time to send its close_notify. */
  get #limits(): { lingerTimeout: number; writeTimeout: number } {
    const { connectTimeout, timeout } = this.#control.dialogue;
    return { lingerTimeout: connectTimeout || LINGER, writeTimeout: timeout };
  }

  /** Returns the host for data connections. A given control connection may lead to a proxy. */
  #host(): string {
    const { connection } = this.#options;
    const { hostname, conn: { remoteAddr: remote } } = this.#control.dialogue;
    const proxied = connection !== undefined && this.#options.hostname !== undefined;
    return proxied || !("hostname" in remote) ? hostname : remote.hostname;
  }

  /** Listens for a connection of the server, and tells it the address. */
  async #listen(): Promise<Agreed> {
    const { dialogue } = this.#control;
    const { localAddr } = dialogue.conn;
    if (!("hostname" in localAddr)) {
      const message = "Cannot use active mode: the control connection has no IP address";
      throw dialogue.spare(new NetError(message, { kind: "unsupported", phase: "listen" }));
    }
    const { activeAddress, activePort = 0 } = this.#options;
    let listener: Deno.TcpListener;
    try {
      const at = { hostname: normalizeHostname(localAddr.hostname), port: activePort };
      listener = listen(at, (options) => Deno.listen(options));
    } catch (error) {
      throw dialogue.spare(error);
    }
    const abort = () => closeQuietly(listener);
    try {
      const { port } = listener.addr;
      await this.#tell(activeAddress ?? normalizeHostname(localAddr.hostname), port);
    } catch (error) {
      abort();
      throw error;
    }
    return { open: (signal) => this.#accept(listener, signal).finally(abort), abort };
  }

  /** Tells the server where to connect, by EPRT, or by PORT if it does not know that. */
  async #tell(hostname: string, port: number): Promise<void> {
    const what = "Cannot use active mode";
    const isOld = !hostname.includes(":");
    if (this.#extended || !isOld) {
      const reply = await this.#control.ask(encodeFtpExtendedPort({ hostname, port }));
      if (isOf(2, reply)) return;
      if (!isOld) throw this.#control.refused(what, reply);
      if (reply.code >= 500) this.#extended = false;
    }
    await this.#control.command(what, encodeFtpPort({ hostname, port }));
  }

  /** Accepts the connection of the server. Other peers could read or replace the data. */
  async #accept(listener: Deno.TcpListener, signal: AbortSignal): Promise<Connection> {
    const { connectTimeout, conn, peer } = this.#control.dialogue;
    const expected = hostOf(conn.remoteAddr);
    const accepting = async () => {
      for (;;) {
        const raw = await listener.accept();
        if (hostOf(raw.remoteAddr) !== expected) closeQuietly(raw);
        else return raw;
      }
    };
    const late = () => {
      const message = `Cannot open a data connection: ${peer} did not connect to ` +
        `${formatAddress(listener.addr)} within ${connectTimeout} ms`;
      return new NetError(message, { kind: "timeout", phase: "accept", address: peer });
    };
    const accepted = accepting();
    // A connection that comes after the deadline is closed with its listener.
    try {
      return new Connection(
        await withDeadline(accepted, connectTimeout, late, signal),
        this.#limits,
      );
    } catch (error) {
      void accepted.then(closeQuietly, () => {});
      throw signal.aborted ? error : toNetError(error, { phase: "accept" });
    }
  }
}

function hostOf(address: Address): string {
  return normalizeHostname(peerHost(address) ?? "");
}
