/**
 * A pool of open TCP and TLS connections. It limits the connections per host, keeps idle ones for
 * a while, checks them before reuse, and serves callers in order.
 *
 * A connection returns to the pool only if `keep()` of its lease has been called after a complete
 * exchange. Otherwise the next caller could read the rest of an old answer.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each target.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { Countdown } from "../internal/countdown.ts";
import { Alarm } from "../internal/timer.ts";
import type {
  ClosePoolOptions,
  Lease,
  Pool,
  PoolOptions,
  PoolStats,
  PoolTarget,
} from "./options.ts";
import { connectTcp } from "../tcp/client.ts";
import { connectTls } from "../tls/client.ts";
import { withDeadline } from "../internal/deadline.ts";
import { timeLimit } from "../internal/options.ts";
import { Host, type Idle, keyOf } from "./_host.ts";
import { CLOSE, POOL, TCP_TARGET, TLS_TARGET } from "./_option_rules.ts";
import { Waiters } from "./_waiters.ts";

export type * from "./options.ts";

/** Maximum number of connections that are being closed. Beyond it, the oldest one is aborted. */
const MAX_CLOSING = 64;

/**
 * Creates a pool. It opens connections when they are needed.
 *
 * @param options The limits of the pool, and a check for idle connections.
 * @returns The empty pool; close it or dispose of it.
 * @throws {RangeError | TypeError} If an option is invalid.
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
  options = POOL.check("createPool", options);
  return new ConnectionPool(options);
}

class ConnectionPool implements Pool {
  readonly #hosts = new Map<string, Host>();
  readonly #lent = new Set<Connection>();
  /** Connections that are being closed. They no longer count towards the limits. */
  readonly #closing = new Set<Connection>();
  /** Cancels connecting at the deadline of `close`. */
  readonly #cutter = new AbortController();
  /** Time at which a connection is too old, on the clock of `performance.now`. */
  readonly #expiries = new WeakMap<Connection, number>();
  readonly #maxPerHost: number;
  readonly #maxTotal: number;
  readonly #minIdle: number;
  readonly #maxWaiting: number;
  readonly #idleTimeout: number;
  readonly #maxAge: number;
  readonly #acquireTimeout: number;
  readonly #check: PoolOptions["check"];
  /** Ends connections that were idle for too long. It must not keep the process alive. */
  readonly #sweeper: Alarm = new Alarm(() => this.#sweep(), false);
  #closed: Promise<void> | undefined;
  #emptied: (() => void) | undefined;
  /** Number of connections that are open or being opened, to all hosts. */
  #total = 0;
  #opened = 0;
  #reused = 0;

  constructor(options: PoolOptions) {
    this.#maxPerHost = options.maxPerHost ?? 10;
    this.#maxTotal = options.maxTotal ?? Infinity;
    this.#minIdle = options.minIdle ?? 0;
    this.#maxWaiting = options.maxWaiting ?? 1000;
    this.#idleTimeout = timeLimit(options.idleTimeout ?? 30_000);
    this.#maxAge = timeLimit(options.maxAge ?? 0);
    this.#acquireTimeout = options.acquireTimeout ?? 30_000;
    this.#check = options.check;
  }

  async acquire(target: PoolTarget): Promise<Lease> {
    target = target?.tls
      ? TLS_TARGET.check("acquire", target)
      : TCP_TARGET.check("acquire", target);
    target.signal?.throwIfAborted();
    if (this.#closed !== undefined) throw closedError();
    const checkTime = timeLimit(target.timeout ?? 10_000);
    const host = this.#hostOf(target);
    // From here on, the caller holds a connection or the permission to open one.
    let connection = this.#takeIdle(host) ?? await this.#takeTurn(host, target);
    const checked = performance.now();
    while (connection !== null) {
      // A connection counts as lent during its check, so that close() waits for it.
      this.#lent.add(connection);
      const left = checkTime - (performance.now() - checked);
      const good = await this.#isGood(connection, left, target);
      if (good && this.#closed === undefined) {
        this.#reused++;
        return this.#lend(host, connection, true);
      }
      this.#lent.delete(connection);
      this.#hangUp(connection);
      if (this.#closed !== undefined || target.signal?.aborted) {
        this.#giveBack(host, null);
        target.signal?.throwIfAborted();
        throw closedError();
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
      waiting += host.waiters.size;
    }
    const active = this.#lent.size;
    return { active, idle, waiting, opened: this.#opened, reused: this.#reused };
  }

  close(options: ClosePoolOptions = {}): Promise<void> {
    options = CLOSE.check("close", options);
    return this.#closed ??= this.#close(options.deadline ?? 5000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(deadline: number): Promise<void> {
    await null; // The methods that are called below read #closed.
    this.#sweeper.stop();
    for (const host of this.#hosts.values()) {
      host.waiters.end(closedError());
      for (let idle; (idle = this.#takeIdle(host)) !== undefined;) {
        this.#discard(host, idle);
      }
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    this.#checkEmpty();
    const countdown = new Countdown(() => {
      this.#cutter.abort(closedError());
      for (const connection of [...this.#lent, ...this.#closing]) {
        connection.abort(closedError());
      }
      resolve();
    });
    countdown.start(deadline);
    await promise;
    countdown.stop();
  }

  #hostOf(target: PoolTarget): Host {
    const key = keyOf(target);
    const host = this.#hosts.get(key) ??
      new Host(key, target, new Waiters(this.#maxWaiting, this.#acquireTimeout));
    this.#hosts.set(key, host);
    return host;
  }

  /** Takes the connection that was used last, so that the others can reach their idle timeout. */
  #takeIdle(host: Host): Connection | undefined {
    const idle = host.idle.pop();
    idle?.lend.abort();
    return idle?.connection;
  }

  /** Takes an idle connection in exchange for the permission to open one. */
  #swap(host: Host): Connection | null {
    const connection = this.#takeIdle(host);
    if (connection === undefined) return null;
    this.#giveBack(host, null);
    return connection;
  }

  /** Returns null as permission to open a connection, or waits for it or for a returned connection. */
  async #takeTurn(host: Host, { signal }: PoolTarget): Promise<Connection | null> {
    if (host.open < this.#maxPerHost && this.#makeRoom()) {
      this.#open(host);
      return null;
    }
    try {
      return await host.waiters.wait(signal);
    } catch (error) {
      this.#forget(host);
      throw error;
    }
  }

  #open(host: Host): void {
    host.open++;
    this.#total++;
  }

  /** Returns whether `maxTotal` allows another connection. It may close an idle one for that. */
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

  /** Closes the connection of a host that has been idle for longest, and releases its place. */
  #evict(host: Host): void {
    const { connection, lend } = host.idle.shift()!;
    lend.abort();
    this.#hangUp(connection);
    this.#release(host);
  }

  /** Opens connections until `minIdle` are idle. */
  #warm(host: Host): void {
    if (host.warming || host.idle.length >= this.#minIdle || this.#closed !== undefined) return;
    if (host.open >= this.#maxPerHost || this.#total >= this.#maxTotal) return;
    host.warming = true;
    this.#open(host);
    this.#dial(host, { ...host.target, signal: undefined }).then((connection) => {
      host.warming = false;
      this.#giveBack(host, connection);
      this.#warm(host);
    }, () => {
      // The next caller gets the error. The next successful connection starts this again.
      host.warming = false;
    });
  }

  async #dial(host: Host, target: PoolTarget): Promise<Connection> {
    try {
      const signal = this.#signalOf(target);
      const { tls, ...dial } = target;
      const connection =
        await (tls ? connectTls({ ...dial, signal }) : connectTcp({ ...dial, signal }));
      if (this.#closed !== undefined) {
        this.#hangUp(connection);
        throw closedError();
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

  /** Returns the signal for work on behalf of a caller: the caller's own, and that of `close`. */
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
        if (kept && this.#closed === undefined && connection.duplex) {
          this.#giveBack(host, connection);
        } else this.#discard(host, connection);
        return Promise.resolve();
      },
    };
  }

  /** Passes a connection, or null as permission to open one, to the next caller. */
  #giveBack(host: Host, connection: Connection | null): void {
    if (connection !== null && connection.stats().unreadBytes > 0) {
      // Unread bytes belong to an earlier exchange. The next caller must not get them.
      return this.#discard(host, connection);
    }
    const next = this.#nextHost(host);
    if (next !== undefined && next !== host) {
      // A caller for another host has waited longest for the total limit.
      if (connection !== null) this.#hangUp(connection);
      this.#release(host);
      this.#open(next);
      next.waiters.next(null);
    } else if (host.waiters.next(connection)) return;
    else if (connection !== null) this.#keep(host, connection);
    else {
      this.#release(host);
      this.#warm(host);
    }
  }

  /** Releases the place of a connection. */
  #release(host: Host): void {
    this.#total--;
    host.open--;
    this.#forget(host);
  }

  /** Forgets a host that has neither connections nor callers. */
  #forget(host: Host): void {
    if (host.open > 0 || host.waiters.size > 0) return;
    this.#hosts.delete(host.key);
    this.#checkEmpty();
  }

  /** Returns the host of the oldest caller that may use a released place. */
  #nextHost(host: Host): Host | undefined {
    if (this.#maxTotal === Infinity) return host.waiters.size > 0 ? host : undefined;
    let next: Host | undefined;
    for (const one of this.#hosts.values()) {
      if (one.waiters.size === 0 || (one !== host && one.open >= this.#maxPerHost)) continue;
      if (next === undefined || one.waiters.first < next.waiters.first) next = one;
    }
    return next;
  }

  #checkEmpty(): void {
    if (this.#hosts.size === 0 && this.#closing.size === 0) this.#emptied?.();
  }

  /** Keeps a connection until it is lent, its idle timeout ends, or the peer sends or ends. */
  #keep(host: Host, connection: Connection): void {
    const lend = new AbortController();
    const idle: Idle = { connection, since: performance.now(), lend };
    host.idle.push(idle);
    // The signal cancels this read without losing a byte.
    const heard = () => {
      const at = host.idle.indexOf(idle);
      if (at !== -1) {
        host.idle.splice(at, 1);
        return this.#discard(host, connection);
      }
      // The read has taken bytes while the connection was being lent. The borrower would miss them.
      connection.abort(
        new NetError(`${connection.peer} sent data without a request`, { kind: "protocol" }),
      );
    };
    connection.readChunk({ signal: lend.signal, timeout: 0 }).then(heard, (error) => {
      if (error !== lend.signal.reason) heard();
    });
    if (!this.#sweeper.running) this.#sweeper.start(this.#idleTimeout);
  }

  /** Closes a connection and passes its place on. */
  #discard(host: Host, connection: Connection): void {
    this.#hangUp(connection);
    this.#giveBack(host, null);
  }

  /** Closes a connection in the background. Only `close` waits until that has ended. */
  #hangUp(connection: Connection): void {
    this.#closing.add(connection);
    // Connections to peers that never end their output must not accumulate.
    if (this.#closing.size > MAX_CLOSING) this.#closing.values().next().value!.abort();
    connection.close().catch(() => {}).finally(() => {
      this.#closing.delete(connection);
      this.#checkEmpty();
    });
  }

  /** Returns whether a connection may be lent. It may not if the check fails or exceeds `time`. */
  async #isGood(connection: Connection, time: number, target: PoolTarget): Promise<boolean> {
    if (!connection.duplex) return false;
    if ((this.#expiries.get(connection) ?? Infinity) <= performance.now()) return false;
    if (this.#check === undefined) return true;
    // A timer may fire a fraction of a millisecond early. That rest is too short for a check.
    if (time < 1) return false;
    try {
      const checking = Promise.resolve(this.#check(connection));
      return await withDeadline(checking, time, () => lateError(time), this.#signalOf(target));
    } catch (error) {
      // This also ends the check if it still waits for the peer.
      connection.abort(toNetError(error));
      return false;
    }
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
    this.#sweeper.start(next - oldest);
  }
}

function closedError(): NetError {
  return new NetError("Cannot borrow a connection: the pool is closed", {
    kind: "closed",
    phase: "connect",
  });
}

function lateError(time: number): NetError {
  const message = `The check of a connection took more than ${time} ms`;
  return new NetError(message, { kind: "timeout", phase: "read" });
}
