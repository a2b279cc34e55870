import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { formatAddress, peerNetwork } from "./address.ts";
import { Connection } from "./connection.ts";
import type { ConnectionStats, UpgradedTransport } from "./connection_options.ts";
import { NetError, type NetErrorKind, toNetError } from "./errors.ts";
import { closeQuietly, isTcp } from "./_dial.ts";
import { checkNumber, MAX_TIMER } from "./_limits.ts";
import type { Listener } from "./_listen.ts";
import type {
  ConnectionHandler,
  ServeOptions,
  ServerEvent,
  ServerStats,
  ServeTcpOptions,
  ShutdownOptions,
  ShutdownReport,
  StreamServer,
} from "./server_options.ts";

/** What a connection is once it is ready; `transport` only if another than the accepted one. */
export type Prepared = Partial<UpgradedTransport>;

/** What a kind of server adds to the engine. */
export interface ServerKind {
  /** The scheme of its URL. */
  readonly scheme: "tcp" | "tls" | "unix";
  /** Makes an accepted connection ready, e.g. by a handshake; throws to turn it away. */
  prepare(raw: Deno.Conn): Prepared | Promise<Prepared>;
}

/** How long accepting pauses after an error that will not go away at once, in milliseconds. */
const ACCEPT_PAUSE = 100;
/** What the peer or a limit does to a connection is no fault of the handler. */
const EXPECTED: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>(
  ["reset", "truncated", "timeout", "limit", "closed", "protocol", "aborted", "tls"],
);

const logger = getLogger(["portside", "net", "server"]);

/** The options that only sockets of the network have. */
type SocketOptions = Pick<
  ServeTcpOptions,
  "maxConnectionsPerAddress" | "noDelay" | "keepAlive"
>;

/** Accepts, limits, contains and drains connections; the same for every kind of listener. */
export class Server<A extends Deno.Addr> implements StreamServer<A> {
  readonly addr: A;
  readonly url: string;
  readonly finished: Promise<void>;

  readonly #listener: Listener<A>;
  readonly #kind: ServerKind;
  readonly #options: ServeOptions<A> & SocketOptions;
  readonly #handler: ConnectionHandler<A>;
  readonly #maxConnections: number;
  readonly #maxPerAddress: number;
  readonly #connections = new Set<Connection>();
  readonly #preparing = new Set<Deno.Conn>();
  readonly #perAddress = new Map<string, number>();
  readonly #draining = new AbortController();
  readonly #finish = Promise.withResolvers<void>();
  readonly #onSignal = () => void this.shutdown();
  readonly #accepting: Promise<void>;
  #active = 0;
  /** Handlers that have not ended, be their connections open or not. */
  #running = 0;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  #paused = false;
  #wake: (() => void) | undefined;
  #shutdown: Promise<ShutdownReport> | undefined;
  #forceAt = Infinity;
  #forceTimer: ReturnType<typeof setTimeout> | undefined;
  #forced = false;
  readonly #force = Promise.withResolvers<void>();

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
    this.#maxConnections = options.maxConnections === 0 ? Infinity : options.maxConnections ?? 1024;
    this.#maxPerAddress = options.maxConnectionsPerAddress || Infinity;
    this.addr = listener.addr;
    const at = "path" in listener.addr ? listener.addr.path : formatAddress(listener.addr);
    this.url = `${kind.scheme}://${at}`;
    this.finished = this.#finish.promise;
    try {
      options.onListen?.(this.addr);
      options.signal?.addEventListener("abort", this.#onSignal);
    } catch (error) {
      // Nobody gets a server that could be shut down.
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
    for (const connection of this.#connections) {
      bytesRead += connection.stats.bytesRead;
      bytesWritten += connection.stats.bytesWritten;
    }
    return {
      accepted: this.#accepted,
      active: this.#active,
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
    const deadline = checkNumber("deadline", options.deadline ?? 5000);
    // A second call may bring the deadline forward, never put it off.
    const at = performance.now() + deadline;
    if (at < this.#forceAt) {
      this.#forceAt = at;
      clearTimeout(this.#forceTimer);
      if (deadline <= MAX_TIMER) this.#forceTimer = setTimeout(this.#force.resolve, deadline);
    }
    this.#shutdown ??= this.#drain();
    return this.#shutdown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  get #stopping(): boolean {
    return this.#shutdown !== undefined;
  }

  async #acceptAll(): Promise<void> {
    while (!this.#stopping) {
      const full = this.#active >= this.#maxConnections;
      if (this.#paused || (full && this.#options.whenFull !== "refuse")) {
        await this.#untilChanged();
        continue;
      }
      try {
        const raw = await this.#listener.accept();
        // It came while the server was being paused: it waits as those in the backlog do.
        while (this.#paused && !this.#stopping) await this.#untilChanged();
        this.#admit(raw);
      } catch (error) {
        if (this.#stopping) return;
        const failure = toNetError(error, { phase: "accept", ...this.addr });
        // Reset before it was accepted: no fault of ours, and a pause for each would be an attack.
        if (failure.kind === "reset") continue;
        // Out of descriptors, mostly. One failure must not end the server, nor may it spin.
        this.event({ type: "accept-error", error: failure });
        logger.warn("cannot accept on {url}: {error}", { url: this.url, error: failure.message });
        const signal = this.#draining.signal;
        await delay(ACCEPT_PAUSE, { signal, persistent: false }).catch(() => {});
      }
    }
  }

  /** Gives an accepted connection a slot, or turns it away. */
  #admit(raw: Deno.Conn<A>): void {
    const remote = raw.remoteAddr;
    const address = "hostname" in remote ? peerNetwork(remote.hostname) : "";
    const here = this.#perAddress.get(address) ?? 0;
    if (this.#stopping || this.#active >= this.#maxConnections || here >= this.#maxPerAddress) {
      closeQuietly(raw);
      this.#refused++;
      const reason = this.#stopping ? "shutdown" : here >= this.#maxPerAddress ? "address" : "full";
      this.event({ type: "refused", remoteAddr: remote, reason });
      return;
    }
    this.#accepted++;
    this.#active++;
    this.#perAddress.set(address, here + 1);
    void this.#hold(raw, remote, address);
  }

  /** Serves a connection. One suspended function for its whole life: there may be thousands. */
  async #hold(raw: Deno.Conn<A>, remoteAddr: A, address: string): Promise<void> {
    const connection = await this.#prepare(raw, remoteAddr);
    if (connection === undefined) return this.#leave(address);
    this.#connections.add(connection);
    // A handler that never ends must not keep the slot of a connection that is gone.
    void connection.closed.then((error) => {
      this.#connections.delete(connection);
      this.#closed(connection, connection.stats, error);
      this.#leave(address);
    });
    this.event({ type: "open", connection });
    this.#running++;
    try {
      if (this.#stopping) connection.drain();
      await this.#handler(connection, {
        remoteAddr,
        localAddr: connection.localAddr as A,
        signal: this.#draining.signal,
        server: this,
      });
    } catch (error) {
      this.#handlerFailed(connection, error);
    }
    await connection.close();
    this.#running--;
    this.#changed();
  }

  /** Gives a slot back. */
  #leave(address: string): void {
    this.#active--;
    const left = this.#perAddress.get(address)! - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
    this.#changed();
  }

  async #prepare(
    raw: Deno.Conn<A>,
    remoteAddr: A,
  ): Promise<Connection | undefined> {
    let ready: Prepared;
    this.#preparing.add(raw);
    try {
      setSocketOptions(raw, this.#options);
      ready = await this.#kind.prepare(raw);
    } catch (error) {
      closeQuietly(raw);
      this.#failed++;
      const failure = toNetError(error, { phase: "handshake", ...remoteAddr });
      this.event({ type: "handshake-error", remoteAddr, error: failure });
      logger.debug("{error}", { error: failure.message });
      return;
    } finally {
      this.#preparing.delete(raw);
    }
    if (this.#forced) return void closeQuietly(raw);
    return new Connection(ready.transport ?? raw, this.#options, ready.tls);
  }

  #handlerFailed(connection: Connection, error: unknown): void {
    if (error instanceof NetError && EXPECTED.has(error.kind)) {
      logger.debug("{error}", { error: error.message });
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
    const total = this.#active;
    for (const connection of this.#connections) connection.drain();
    await Promise.race([
      this.#force.promise,
      this.#until(() => this.#active + this.#running === 0),
    ]);
    // Only then is the address free again, and the file of a Unix socket gone.
    await this.#accepting;
    clearTimeout(this.#forceTimer);
    this.#forced = true;
    const forced = this.#active;
    for (const raw of this.#preparing) closeQuietly(raw);
    const late = new NetError(`Connection closed: server ${this.url} has shut down`, {
      kind: "closed",
      phase: "close",
    });
    for (const connection of this.#connections) connection.abort(late);
    // But not for the handlers: one that does not end must not hold up the end.
    await this.#until(() => this.#active === 0);
    // A later call has nothing to force, and needs no timer.
    this.#forceAt = -Infinity;
    this.#finish.resolve();
    logger.debug("{url} has shut down", { url: this.url });
    return { drained: total - forced, forced, refused: this.#refused };
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) await this.#untilChanged();
  }

  /** Resolves at the next change of what accepting and draining depend on. */
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

  /** Tells whoever wants to know. */
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
  } catch { /* The peer is gone already; the first read says so. */ }
}
