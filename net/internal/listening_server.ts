import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { formatAddress, peerHost, peerNetwork } from "../address.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionStats, UpgradedTransport } from "../connection/options.ts";
import { NetError, type NetErrorKind, toNetError } from "../errors/errors.ts";
import { Countdown } from "./countdown.ts";
import { closeQuietly, isTcp } from "./dial.ts";
import { type CloseListener, hooks } from "./connection_hooks.ts";
import { shareLimits } from "./connection_limits.ts";
import { ConnectionQuota } from "./connection_quota.ts";
import { milliseconds, OptionRules } from "./options.ts";
import type { Listener } from "./listen.ts";
import { type PeerProbes, peerProbes } from "./peer_probes.ts";
import {
  type Introduced,
  type ProxyProtocol,
  readProxyHeader,
  readProxyProtocol,
} from "./proxy_header.ts";
import { ConnectionSession, type SessionListener } from "./connection_session.ts";
import { resettable } from "../connection/resettable.ts";
import type {
  ConnectionHandler,
  ServeOptions,
  ServerEvent,
  ServerStats,
  ServeTcpOptions,
  ShutdownOptions,
  ShutdownReport,
  StreamServer,
} from "../tcp/server_options.ts";
import type { Address, Transport } from "../connection/transport.ts";

/** A connection that is ready. `transport` is set if it differs from the accepted one. */
export type Prepared = Partial<UpgradedTransport>;

/** The specific part of a kind of server. */
export interface ServerKind {
  /** The scheme of its URL. */
  readonly scheme: "tcp" | "tls" | "unix";
  /** Prepares an accepted connection, for example by a handshake. Throws to refuse it. */
  prepare?(raw: Transport): Prepared | Promise<Prepared>;
}

/** Number of connections without an address after which the server pauses. */
const INVALID_IN_A_ROW = 100;
/** Pause in milliseconds after an error of accepting that will last for a while. */
const ACCEPT_PAUSE = 100;
/** Kinds of errors that the peer or a limit causes, and not the handler. */
const EXPECTED: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>(
  ["reset", "truncated", "timeout", "unreachable", "limit", "closed", "protocol", "aborted", "tls"],
);

const logger = getLogger(["portside", "net", "server"]);

/** Options of network sockets, which Unix sockets do not have. */
type SocketOptions = Pick<
  ServeTcpOptions,
  | "maxConnectionsPerAddress"
  | "proxyProtocol"
  | "noDelay"
  | "keepAlive"
  | "deadPeerTimeout"
  | "resetOnAbort"
>;

/** The rules for the options of `shutdown`. */
export const SHUTDOWN = new OptionRules<ShutdownOptions>({ deadline: milliseconds });

/** A server for any kind of listener. It accepts, limits, isolates and drains connections. */
export class Server<A extends Deno.Addr>
  implements StreamServer<A>, CloseListener, SessionListener {
  readonly addr: A;
  readonly url: string;
  readonly finished: Promise<void>;

  readonly #listener: Listener<A>;
  readonly #kind: ServerKind;
  readonly #options: ServeOptions<A> & SocketOptions;
  readonly #handler: ConnectionHandler<A>;
  readonly #quota: ConnectionQuota;
  readonly #proxyProtocol: ProxyProtocol | undefined;
  readonly #probes: PeerProbes | undefined;
  /** The open connections, each with the network by which it is counted. */
  readonly #connections = new Map<Connection, string>();
  readonly #preparing = new Set<Transport>();
  readonly #draining = new AbortController();
  readonly #finish = Promise.withResolvers<void>();
  readonly #onSignal = () => void this.shutdown();
  readonly #accepting: Promise<void>;
  /** Number of running handlers, including those whose connections are closed. */
  #running = 0;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  #paused = false;
  #wake: (() => void) | undefined;
  #shutdown: Promise<ShutdownReport> | undefined;
  #forced = false;
  readonly #force = Promise.withResolvers<void>();
  readonly #countdown: Countdown = new Countdown(this.#force.resolve);

  constructor(
    listener: Listener<A>,
    kind: ServerKind,
    options: ServeOptions<A> & SocketOptions,
    handler: ConnectionHandler<A>,
  ) {
    this.#listener = listener;
    this.#kind = kind;
    this.#handler = handler;
    this.#options = { ...options, idleTimeout: options.idleTimeout ?? 60_000 };
    shareLimits(this.#options);
    this.#quota = new ConnectionQuota(options.maxConnections, options.maxConnectionsPerAddress);
    this.#proxyProtocol = readProxyProtocol(options.proxyProtocol);
    this.#probes = peerProbes(options.keepAlive === false ? 0 : options.deadPeerTimeout);
    this.addr = listener.addr;
    const at = "path" in listener.addr ? listener.addr.path : formatAddress(listener.addr);
    this.url = `${kind.scheme}://${at}`;
    this.finished = this.#finish.promise;
    try {
      options.onListen?.(this.addr);
      options.signal?.addEventListener("abort", this.#onSignal);
    } catch (error) {
      // The caller does not get a server that it could shut down.
      listener.close();
      throw error;
    }
    logger.debug("listening on {url}", { url: this.url });
    this.#accepting = this.#acceptAll();
    if (options.signal?.aborted) void this.shutdown();
  }

  stats(): ServerStats {
    let bytesRead = this.#bytesRead;
    let bytesWritten = this.#bytesWritten;
    for (const connection of this.#connections.keys()) {
      const stats = connection.stats();
      bytesRead += stats.bytesRead;
      bytesWritten += stats.bytesWritten;
    }
    return {
      accepted: this.#accepted,
      active: this.#quota.active,
      refused: this.#refused,
      failed: this.#failed,
      bytesRead,
      bytesWritten,
    };
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#changed();
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    const { deadline = 5000 } = SHUTDOWN.check("shutdown", options);
    this.#countdown.start(deadline);
    return this.#shutdown ??= this.#drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  get #stopping(): boolean {
    return this.#shutdown !== undefined;
  }

  async #acceptAll(): Promise<void> {
    let invalid = 0;
    while (!this.#stopping) {
      if (this.#paused || (this.#quota.isFull && this.#options.whenFull !== "refuse")) {
        await this.#untilChanged();
        continue;
      }
      try {
        const raw = await this.#listener.accept();
        // A connection that arrives during a pause waits like those in the backlog.
        while (this.#paused && !this.#stopping) await this.#untilChanged();
        this.#admit(raw);
        invalid = 0;
      } catch (error) {
        if (this.#stopping) return;
        const failure = toNetError(error, { phase: "accept", ...this.addr });
        // The peer has reset the connection before it was accepted. A pause would enable an attack.
        if (failure.kind === "reset") continue;
        // On macOS, a connection that was reset has no address (EINVAL). A broken listener must not loop.
        if (failure.code === "EINVAL" && ++invalid % INVALID_IN_A_ROW !== 0) continue;
        // Usually no descriptor is left. The server must neither end nor retry in a busy loop.
        this.event({ type: "accept-error", error: failure });
        logger.warn("cannot accept on {url}: {error}", { url: this.url, error: failure.message });
        const signal = this.#draining.signal;
        await delay(ACCEPT_PAUSE, { signal, persistent: false }).catch(() => {});
      }
    }
  }

  /** Gives an accepted connection a slot, or refuses it. */
  #admit(raw: Deno.Conn<A>): void {
    const remote = raw.remoteAddr;
    if (this.#stopping) return this.#refuse(raw, remote, "shutdown");
    if (this.#quota.isFull) return this.#refuse(raw, remote, "full");
    // Behind a trusted proxy, the client is counted. The PROXY header contains its address.
    const proxied = this.#proxyProtocol?.trusted.includes(peerHost(remote)) ?? false;
    const network = proxied ? undefined : this.#networkOf(remote);
    if (network !== undefined && !this.#quota.count(network)) {
      return this.#refuse(raw, remote, "address");
    }
    this.#accepted++;
    this.#quota.active++;
    this.#hold(raw, network);
  }

  /** Returns the network by which connections of a client are counted, if they are. */
  #networkOf(remote: Address): string {
    return this.#quota.isPerNetwork ? peerNetwork(peerHost(remote) ?? "") : "";
  }

  #refuse(raw: Transport, remoteAddr: A, reason: "shutdown" | "full" | "address"): void {
    closeQuietly(raw);
    this.#refused++;
    this.event({ type: "refused", remoteAddr, reason });
  }

  /**
   * Serves a connection that has a slot.
   *
   * @param accepted The connection as it was accepted.
   * @param network The network by which it is counted; undefined if a PROXY header comes first.
   */
  #hold(accepted: Deno.Conn<A>, network: string | undefined): void {
    setSocketOptions(accepted, this.#options);
    this.#probes?.add(accepted);
    const raw = this.#options.resetOnAbort ? resettable(accepted) : accepted;
    if (network === undefined || this.#kind.prepare !== undefined) void this.#prepare(raw, network);
    else this.#serve(new Connection(raw, this.#options), network);
  }

  /** Reads the PROXY header of a connection, prepares the connection and serves it. */
  async #prepare(raw: Transport, counted: string | undefined): Promise<void> {
    let network = counted;
    let introduced: Introduced | undefined;
    if (network === undefined) {
      introduced = await this.#introduce(raw);
      if (introduced === undefined) return this.#leave(undefined);
      network = this.#networkOf(introduced.transport.remoteAddr);
    }
    const connection = await this.#ready(raw, introduced?.transport ?? raw);
    if (connection === undefined) return this.#leave(network);
    this.#serve(connection, network, introduced);
  }

  /** Runs the handler. No async function is suspended meanwhile, to save memory per connection. */
  #serve(connection: Connection, network: string, introduced?: Introduced): void {
    this.#connections.set(connection, network);
    // The slot is released when the connection ends, even if the handler never does.
    hooks.whenClosed(connection, this);
    if (this.#options.onEvent !== undefined) this.event({ type: "open", connection });
    this.#running++;
    try {
      if (this.#stopping) connection.drain();
      const work: unknown = this.#handler(connection, {
        remoteAddr: connection.remoteAddr as A,
        localAddr: connection.localAddr as A,
        ...(introduced && { proxyHeader: introduced.header }),
        signal: this.#draining.signal,
        server: this,
      });
      if (work instanceof ConnectionSession) return work.begin(this);
      Promise.resolve(work).then(
        () => this.sessionEnded(connection, false),
        (error) => this.sessionEnded(connection, true, error),
      );
    } catch (error) {
      this.sessionEnded(connection, true, error);
    }
  }

  sessionEnded(connection: Connection, failed: boolean, error?: unknown): void {
    if (failed) {
      this.#handlerFailed(connection, error);
      // The peer must see that the data is incomplete.
      if (this.#options.resetOnAbort) connection.abort(error);
    }
    connection.close().then(() => {
      this.#running--;
      this.#changed();
    });
  }

  connectionClosed(connection: Connection, error: NetError | undefined): void {
    const network = this.#connections.get(connection)!;
    this.#connections.delete(connection);
    this.#closed(connection, connection.stats(), error);
    this.#leave(network);
  }

  /** Releases a slot. */
  #leave(network: string | undefined): void {
    this.#quota.release(network);
    this.#changed();
  }

  /** Reads the PROXY header of a connection and counts its client. Returns undefined on failure. */
  async #introduce(raw: Transport): Promise<Introduced | undefined> {
    this.#preparing.add(raw);
    try {
      const introduced = await readProxyHeader(raw, this.#proxyProtocol!.timeout);
      const { remoteAddr } = introduced.transport;
      if (this.#quota.count(this.#networkOf(remoteAddr))) return introduced;
      this.#refuse(raw, remoteAddr as A, "address");
    } catch (error) {
      this.#notReady(raw, raw.remoteAddr as A, error);
    } finally {
      this.#preparing.delete(raw);
    }
    return undefined;
  }

  async #ready(raw: Transport, transport: Transport): Promise<Connection | undefined> {
    let ready: Prepared | undefined;
    this.#preparing.add(raw);
    try {
      ready = await this.#kind.prepare?.(transport);
    } catch (error) {
      return this.#notReady(raw, transport.remoteAddr as A, error);
    } finally {
      this.#preparing.delete(raw);
    }
    const open = ready?.transport ?? transport;
    if (this.#forced) return void closeQuietly(open);
    return new Connection(open, this.#options, ready?.tls);
  }

  /** Closes a connection that has failed before its handler ran. */
  #notReady(raw: Transport, remoteAddr: A, error: unknown): undefined {
    closeQuietly(raw);
    this.#failed++;
    const failure = toNetError(error, { phase: "handshake", ...remoteAddr });
    this.event({ type: "handshake-error", remoteAddr, error: failure });
    logger.debug("{error}", { error: failure.message });
  }

  #handlerFailed(connection: Connection, error: unknown): void {
    if (error instanceof NetError && EXPECTED.has(error.kind)) {
      if (logger.isEnabledFor("debug")) logger.debug("{error}", { error: error.message });
      this.event({ type: "error", connection, error, expected: true });
    } else {
      this.#failed++;
      logger.error("the handler of {peer} failed: {error}", { peer: connection.peer, error });
      this.event({ type: "error", connection, error, expected: false });
    }
  }

  #closed(connection: Connection, stats: ConnectionStats, error: NetError | undefined): void {
    this.#bytesRead += stats.bytesRead;
    this.#bytesWritten += stats.bytesWritten;
    this.event({ type: "close", connection, stats, error });
  }

  async #drain(): Promise<ShutdownReport> {
    await null; // So that #stopping is true below.
    this.#options.signal?.removeEventListener("abort", this.#onSignal);
    this.#listener.close();
    this.#draining.abort(
      new NetError(`Server ${this.url} is shutting down`, { kind: "closed", phase: "close" }),
    );
    this.#changed();
    this.event({ type: "shutdown" });
    const total = this.#quota.active;
    for (const connection of this.#connections.keys()) connection.drain();
    await Promise.race([
      this.#force.promise,
      this.#until(() => this.#quota.active + this.#running === 0),
    ]);
    // After this, the address is free and the file of a Unix socket is removed.
    await this.#accepting;
    this.#countdown.stop();
    this.#forced = true;
    const forced = this.#quota.active;
    for (const raw of this.#preparing) closeQuietly(raw);
    const late = new NetError(`Connection closed: server ${this.url} has shut down`, {
      kind: "closed",
      phase: "close",
    });
    for (const connection of this.#connections.keys()) connection.abort(late);
    // Do not wait for handlers here, because a handler may never end.
    await this.#until(() => this.#quota.active === 0);
    this.#probes?.stop();
    this.#finish.resolve();
    logger.debug("{url} has shut down", { url: this.url });
    return { drained: total - forced, forced, refused: this.#refused };
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) await this.#untilChanged();
  }

  /** Resolves at the next change that accepting or draining depends on. */
  #untilChanged(): Promise<void> {
    const before = this.#wake;
    return new Promise((resolve) => {
      this.#wake = () => {
        before?.();
        resolve();
      };
    });
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Reports an event to `onEvent`. */
  event(event: ServerEvent<A>): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      logger.error("onEvent failed on {type}: {error}", { type: event.type, error });
    }
  }
}

function setSocketOptions(raw: Deno.Conn, options: SocketOptions): void {
  if (!isTcp(raw)) return;
  try {
    raw.setNoDelay(options.noDelay ?? true);
    raw.setKeepAlive(options.keepAlive ?? true);
  } catch { /* The peer is gone already. The first read reports it. */ }
}
