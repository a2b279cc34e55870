/**
 * A pool of open TCP and TLS connections: so many per host and no more, kept
 * for a while, checked before they are handed out, shared in order.
 *
 * @example Borrow a connection twice
 * ```ts
 * import { createPool } from "@portside/kit/net/pool";
 * import { serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({}, async (conn) => {
 *   for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
 * });
 * await using pool = createPool({ maxPerHost: 10 });
 * for (const word of ["one", "two"]) {
 *   await using lease = await pool.acquire({ port: server.addr.port });
 *   await lease.connection.write(`${word}\n`);
 *   assertEquals(await lease.connection.readLine(), `you said ${word}`);
 *   lease.keep();
 * }
 * assertEquals(pool.stats().opened, 1);
 * ```
 *
 * A connection goes back to the pool only when `keep()` of its lease says that
 * a whole exchange is over: whoever breaks off in the middle must not leave the
 * rest of an answer to the next one.
 *
 * **Permissions**: `--allow-net` for the hosts that are connected to.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import type { Connection } from "../connection/connection.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import type { Lease, Pool, PoolOptions, PoolStats, PoolTarget } from "./options.ts";
import { connectTcp } from "../tcp/client.ts";
import { connectTls } from "../tls/client.ts";
import { withDeadline } from "../internal/deadline.ts";
import { checkMax, checkNumber, MAX_TIMER } from "../internal/options.ts";
import { Turns } from "./_turns.ts";

export type * from "./options.ts";

/** The most connections that are being closed; beyond, the oldest is cut. */
const MAX_CLOSING = 64;

interface Idle {
  readonly connection: Connection;
  readonly since: number;
  /** Ends the read by which the pool sees that the peer has ended. */
  readonly lend: AbortController;
}

/** What one host and way of connecting have in common. */
class Host {
  readonly key: string;
  /** How to connect, for connections that are opened ahead. */
  readonly target: PoolTarget;
  readonly idle: Idle[] = [];
  /** Get a connection that came back, or null for the right to open one. */
  readonly turns: Turns<Connection | null>;
  /** Connections that are open or being opened, lent and idle. */
  open = 0;
  /** Whether a connection is being opened ahead. */
  warming = false;

  constructor(key: string, target: PoolTarget, turns: Turns<Connection | null>) {
    this.key = key;
    this.target = target;
    this.turns = turns;
  }
}

/**
 * Makes a pool.
 *
 * @param options Its limits.
 * @returns The pool.
 * @throws {RangeError} If an option is out of range.
 *
 * @example Statistics
 * ```ts
 * import { createPool } from "@portside/kit/net/pool";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = createPool();
 * assertEquals(pool.stats(), { active: 0, idle: 0, waiting: 0, opened: 0, reused: 0 });
 * ```
 */
export function createPool(options: PoolOptions = {}): Pool {
  return new ConnectionPool(options);
}

class ConnectionPool implements Pool {
  readonly #hosts = new Map<string, Host>();
  readonly #lent = new Set<Connection>();
  /** Connections that are being closed, whose places are free already. */
  readonly #closing = new Set<Connection>();
  /** Ends dialling when draining takes too long. */
  readonly #cutter = new AbortController();
  /** When connections get too old, on the clock of `performance.now`. */
  readonly #expiries = new WeakMap<Connection, number>();
  readonly #maxPerHost: number;
  readonly #maxTotal: number;
  readonly #minIdle: number;
  readonly #maxWaiting: number;
  readonly #idleTimeout: number;
  readonly #maxAge: number;
  readonly #acquireTimeout: number;
  readonly #check: PoolOptions["check"];
  #sweeper: ReturnType<typeof setTimeout> | undefined;
  #draining: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  /** Places taken, at all hosts. */
  #total = 0;
  #opened = 0;
  #reused = 0;

  constructor(options: PoolOptions) {
    this.#maxPerHost = checkMax("maxPerHost", options.maxPerHost, 10);
    this.#maxTotal = checkMax("maxTotal", options.maxTotal);
    this.#minIdle = (options.minIdle ?? 0) === 0 ? 0 : checkMax("minIdle", options.minIdle);
    this.#maxWaiting = checkMax("maxWaiting", options.maxWaiting, 1000);
    this.#idleTimeout = checkNumber("idleTimeout", options.idleTimeout ?? 30_000) || Infinity;
    this.#maxAge = checkNumber("maxAge", options.maxAge ?? 0) || Infinity;
    this.#acquireTimeout = checkNumber("acquireTimeout", options.acquireTimeout ?? 30_000);
    this.#check = options.check;
  }

  async acquire(target: PoolTarget): Promise<Lease> {
    target.signal?.throwIfAborted();
    if (this.#draining !== undefined) throw drainingError();
    const checkTime = checkNumber("timeout", target.timeout ?? 10_000) || Infinity;
    const host = this.#hostOf(target);
    // From here on the caller holds a place: a connection, or the right to open one.
    let connection = this.#takeIdle(host) ?? await this.#takeTurn(host, target);
    const checked = performance.now();
    while (connection !== null) {
      // While it is checked it counts as lent, so that draining waits for it.
      this.#lent.add(connection);
      const left = checkTime - (performance.now() - checked);
      const good = await this.#isGood(connection, left, target);
      if (good && this.#draining === undefined) {
        this.#reused++;
        return this.#lend(host, connection, true);
      }
      this.#lent.delete(connection);
      this.#close(connection);
      if (this.#draining !== undefined || target.signal?.aborted) {
        this.#giveBack(host, null);
        target.signal?.throwIfAborted();
        throw drainingError();
      }
      connection = this.#swap(host);
    }
    const dialled = this.#lend(host, await this.#dial(host, target), false);
    this.#warm(host);
    return dialled;
  }

  stats(): PoolStats {
    let idle = 0;
    let waiting = 0;
    for (const host of this.#hosts.values()) {
      idle += host.idle.length;
      waiting += host.turns.size;
    }
    const active = this.#lent.size;
    return { active, idle, waiting, opened: this.#opened, reused: this.#reused };
  }

  drain({ deadline = 5000 }: { deadline?: number } = {}): Promise<void> {
    checkNumber("deadline", deadline);
    return this.#draining ??= this.#drain(deadline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #drain(deadline: number): Promise<void> {
    await null; // So that #draining is set below.
    clearTimeout(this.#sweeper);
    for (const host of this.#hosts.values()) {
      host.turns.end(drainingError());
      for (let idle; (idle = this.#takeIdle(host)) !== undefined;) {
        this.#discard(host, idle);
      }
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    this.#checkDrained();
    const cut = () => {
      this.#cutter.abort(drainingError());
      for (const connection of [...this.#lent, ...this.#closing]) {
        connection.abort(drainingError());
      }
      resolve();
    };
    const timer = deadline <= MAX_TIMER ? setTimeout(cut, deadline) : undefined;
    await promise;
    clearTimeout(timer);
  }

  #hostOf(target: PoolTarget): Host {
    const key = keyOf(target);
    const host = this.#hosts.get(key) ??
      new Host(key, target, new Turns(this.#maxWaiting, this.#acquireTimeout));
    this.#hosts.set(key, host);
    return host;
  }

  /** Takes the connection that was used last: the others may time out. */
  #takeIdle(host: Host): Connection | undefined {
    const idle = host.idle.pop();
    idle?.lend.abort();
    return idle?.connection;
  }

  /** Takes an idle connection in exchange for the right to open one. */
  #swap(host: Host): Connection | null {
    const connection = this.#takeIdle(host);
    if (connection === undefined) return null;
    this.#giveBack(host, null);
    return connection;
  }

  /** Gets the right to open a connection (null), or waits for that or for one that comes back. */
  async #takeTurn(host: Host, { signal }: PoolTarget): Promise<Connection | null> {
    if (host.open < this.#maxPerHost && this.#makeRoom()) {
      this.#open(host);
      return null;
    }
    try {
      return await host.turns.wait(signal);
    } catch (error) {
      this.#forget(host);
      throw error;
    }
  }

  #open(host: Host): void {
    host.open++;
    this.#total++;
  }

  /** Whether one more connection is within the total limit, after an idle one was closed for it. */
  #makeRoom(): boolean {
    if (this.#total < this.#maxTotal) return true;
    let oldest: Host | undefined;
    for (const host of this.#hosts.values()) {
      if (host.idle.length === 0) continue;
      if (oldest === undefined || host.idle[0]!.since < oldest.idle[0]!.since) oldest = host;
    }
    if (oldest === undefined) return false;
    this.#evict(oldest);
    return true;
  }

  /** Closes the connection of a host that was unused for longest. Its place is free. */
  #evict(host: Host): void {
    const { connection, lend } = host.idle.shift()!;
    lend.abort();
    this.#close(connection);
    this.#release(host);
  }

  /** Opens connections until `minIdle` are idle. */
  #warm(host: Host): void {
    if (host.warming || host.idle.length >= this.#minIdle || this.#draining !== undefined) return;
    if (host.open >= this.#maxPerHost || this.#total >= this.#maxTotal) return;
    host.warming = true;
    this.#open(host);
    this.#dial(host, { ...host.target, signal: undefined }).then((connection) => {
      host.warming = false;
      this.#giveBack(host, connection);
      this.#warm(host);
    }, () => {
      // The next caller finds out why, and the next success tries again.
      host.warming = false;
    });
  }

  async #dial(host: Host, target: PoolTarget): Promise<Connection> {
    try {
      const signal = this.#signalOf(target);
      const { tls, ...dial } = target;
      const connection =
        await (tls ? connectTls({ ...dial, signal }) : connectTcp({ ...dial, signal }));
      if (this.#draining !== undefined) {
        this.#close(connection);
        throw drainingError();
      }
      this.#opened++;
      if (this.#maxAge !== Infinity) {
        const age = this.#maxAge * (1 - Math.random() / 10);
        this.#expiries.set(connection, performance.now() + age);
      }
      return connection;
    } catch (error) {
      this.#giveBack(host, null);
      throw error;
    }
  }

  /** Ends what is done for an acquirer: the acquirer's own signal, and draining. */
  #signalOf({ signal }: PoolTarget): AbortSignal {
    const cut = this.#cutter.signal;
    return signal === undefined ? cut : AbortSignal.any([signal, cut]);
  }

  #lend(host: Host, connection: Connection, reused: boolean): Lease {
    this.#lent.add(connection);
    let kept = false;
    let done = false;
    return {
      connection,
      reused,
      keep: () => void (kept = true),
      [Symbol.asyncDispose]: () => {
        if (done) return Promise.resolve();
        done = true;
        this.#lent.delete(connection);
        if (kept && this.#draining === undefined && connection.duplex) {
          this.#giveBack(host, connection);
        } else this.#discard(host, connection);
        return Promise.resolve();
      },
    };
  }

  /** Hands a connection, or the right to open one (null), to whoever is next. */
  #giveBack(host: Host, connection: Connection | null): void {
    if (connection !== null && connection.stats().unreadBytes > 0) {
      // What nobody has read belongs to an exchange that is over: the next one must not get it.
      return this.#discard(host, connection);
    }
    const next = this.#nextHost(host);
    if (next !== undefined && next !== host) {
      // The total limit keeps another host waiting, for longer than anybody waits here.
      if (connection !== null) this.#close(connection);
      this.#release(host);
      this.#open(next);
      next.turns.next(null);
    } else if (host.turns.next(connection)) return;
    else if (connection !== null) this.#keep(host, connection);
    else {
      this.#release(host);
      this.#warm(host);
    }
  }

  /** Gives up a place. */
  #release(host: Host): void {
    this.#total--;
    host.open--;
    this.#forget(host);
  }

  /** Forgets a host that has neither connections nor callers. */
  #forget(host: Host): void {
    if (host.open > 0 || host.turns.size > 0) return;
    this.#hosts.delete(host.key);
    this.#checkDrained();
  }

  /** Returns the host whose caller waits longest for the place of a host. */
  #nextHost(host: Host): Host | undefined {
    if (this.#maxTotal === Infinity) return host.turns.size > 0 ? host : undefined;
    let next: Host | undefined;
    for (const one of this.#hosts.values()) {
      if (one.turns.size === 0 || (one !== host && one.open >= this.#maxPerHost)) continue;
      if (next === undefined || one.turns.first < next.turns.first) next = one;
    }
    return next;
  }

  #checkDrained(): void {
    if (this.#hosts.size === 0 && this.#closing.size === 0) this.#drained?.();
  }

  /** Keeps a connection until somebody wants it, its time is over, or the peer says anything. */
  #keep(host: Host, connection: Connection): void {
    const lend = new AbortController();
    const idle: Idle = { connection, since: performance.now(), lend };
    host.idle.push(idle);
    // The signal gives this read up without losing a byte, so that the next reader finds all.
    const heard = () => {
      const at = host.idle.indexOf(idle);
      if (at !== -1) {
        host.idle.splice(at, 1);
        return this.#discard(host, connection);
      }
      // Bytes were read here in the very moment of lending: without them all that follows is wrong.
      connection.abort(
        new NetError(`${connection.peer} sent what nobody asked for`, { kind: "protocol" }),
      );
    };
    connection.readChunk({ signal: lend.signal, timeout: 0 }).then(heard, (error) => {
      if (error !== lend.signal.reason) heard();
    });
    this.#sweeper ??= this.#sweepLater(this.#idleTimeout);
  }

  /** Closes a connection. Its place is free. */
  #discard(host: Host, connection: Connection): void {
    this.#close(connection);
    this.#giveBack(host, null);
  }

  /** Closes a connection in the background: only draining waits for the peer's goodbye. */
  #close(connection: Connection): void {
    this.#closing.add(connection);
    // Peers that never end their side must not pile up.
    if (this.#closing.size > MAX_CLOSING) this.#closing.values().next().value!.abort();
    connection.close().catch(() => {}).finally(() => {
      this.#closing.delete(connection);
      this.#checkDrained();
    });
  }

  /** Whether it may be lent; a check that takes more than `time` or is given up says no. */
  async #isGood(connection: Connection, time: number, target: PoolTarget): Promise<boolean> {
    if (!connection.duplex) return false;
    if ((this.#expiries.get(connection) ?? Infinity) <= performance.now()) return false;
    if (this.#check === undefined) return true;
    if (time <= 0) return false;
    try {
      const checking = Promise.resolve(this.#check(connection));
      return await withDeadline(checking, time, () => lateError(time), this.#signalOf(target));
    } catch (error) {
      // Whatever the check still waits for ends with it.
      connection.abort(toNetError(error));
      return false;
    }
  }

  #sweepLater(wait: number): ReturnType<typeof setTimeout> | undefined {
    if (wait === Infinity) return undefined;
    const timer = setTimeout(() => this.#sweep(), Math.min(wait, MAX_TIMER));
    // What waits for nobody is no reason to keep the process alive.
    Deno.unrefTimer(timer);
    return timer;
  }

  #sweep(): void {
    const oldest = performance.now() - this.#idleTimeout;
    let next = Infinity;
    for (const host of this.#hosts.values()) {
      while (host.idle.length > this.#minIdle && host.idle[0]!.since <= oldest) {
        const { connection, lend } = host.idle.shift()!;
        lend.abort();
        this.#discard(host, connection);
      }
      if (host.idle.length > this.#minIdle) next = Math.min(next, host.idle[0]!.since);
    }
    this.#sweeper = this.#sweepLater(next - oldest);
  }
}

function drainingError(): NetError {
  return new NetError("Cannot borrow a connection: the pool is being drained", {
    kind: "closed",
    phase: "connect",
  });
}

function lateError(time: number): NetError {
  const message = `The check of a connection took more than ${time} ms`;
  return new NetError(message, { kind: "timeout", phase: "read" });
}

/** Connections are interchangeable if they were dialled alike. */
function keyOf(target: PoolTarget): string {
  const { hostname = "127.0.0.1", port, noDelay = true, keepAlive = true } = target;
  const tcp = `${formatAddress({ hostname, port })} ${noDelay} ${keepAlive}`;
  if (!target.tls) return tcp;
  const { serverName, caCerts, alpnProtocols, cert, key, minVersion, inspect, engine } = target;
  const settings = [serverName, caCerts, alpnProtocols, cert, key, minVersion, inspect, engine];
  return JSON.stringify([tcp, ...settings]);
}
