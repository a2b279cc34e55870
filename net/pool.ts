/**
 * A pool of open TCP and TLS connections: so many per host and no more, kept
 * for a while, checked before they are handed out, shared in order.
 *
 * @example Borrow a connection twice
 * ```ts
 * import { createPool } from "@portside/kit/net/pool";
 * import { serveTcp } from "@portside/kit/net/tcp-server";
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

import { formatAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import { NetError, toNetError } from "./errors.ts";
import type { Lease, Pool, PoolOptions, PoolStats, PoolTarget } from "./pool_options.ts";
import { connectTcp } from "./tcp_client.ts";
import { connectTls } from "./tls_client.ts";
import { withDeadline } from "./_deadline.ts";
import { checkMax, checkNumber, MAX_TIMER } from "./_limits.ts";
import { Turns } from "./_turns.ts";

export type * from "./pool_options.ts";

interface Idle {
  readonly connection: Connection;
  readonly since: number;
  /** Ends the read by which the pool sees that the peer has ended. */
  readonly lend: AbortController;
}

/** What one host and way of connecting have in common. */
class Host {
  readonly key: string;
  readonly idle: Idle[] = [];
  /** Get a connection that came back, or null for the right to open one. */
  readonly turns: Turns<Connection | null>;
  /** Connections that are open or being opened, lent and idle. */
  open = 0;

  constructor(key: string, turns: Turns<Connection | null>) {
    this.key = key;
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
  readonly #maxPerHost: number;
  readonly #maxWaiting: number;
  readonly #idleTimeout: number;
  readonly #maxAge: number;
  readonly #acquireTimeout: number;
  readonly #check: PoolOptions["check"];
  #sweeper: ReturnType<typeof setTimeout> | undefined;
  #draining: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #opened = 0;
  #reused = 0;

  constructor(options: PoolOptions) {
    this.#maxPerHost = checkMax("maxPerHost", options.maxPerHost, 10);
    this.#maxWaiting = checkMax("maxWaiting", options.maxWaiting, 1000);
    this.#idleTimeout = checkNumber("idleTimeout", options.idleTimeout ?? 30_000) || Infinity;
    this.#maxAge = checkNumber("maxAge", options.maxAge ?? 0) || Infinity;
    this.#acquireTimeout = checkNumber("acquireTimeout", options.acquireTimeout ?? 30_000);
    this.#check = options.check;
  }

  async acquire(target: PoolTarget): Promise<Lease> {
    target.signal?.throwIfAborted();
    if (this.#draining !== undefined) throw drainingError();
    const key = keyOf(target);
    let checkTime = checkNumber("timeout", target.timeout ?? 10_000) || Infinity;
    while (true) {
      const host = this.#hostOf(key);
      const connection = this.#takeIdle(host) ?? await this.#takeTurn(host, target);
      if (connection === null) return this.#lend(host, await this.#dial(host, target), false);
      // While it is checked it counts as lent, so that draining waits for it.
      this.#lent.add(connection);
      const since = performance.now();
      const good = await this.#isGood(connection, checkTime, target);
      checkTime -= performance.now() - since;
      if (good && this.#draining === undefined) {
        this.#reused++;
        return this.#lend(host, connection, true);
      }
      this.#lent.delete(connection);
      await this.#discard(host, connection);
      if (this.#draining !== undefined) throw drainingError();
      target.signal?.throwIfAborted();
    }
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
        void this.#discard(host, idle);
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

  #hostOf(key: string): Host {
    const host = this.#hosts.get(key) ??
      new Host(key, new Turns(this.#maxWaiting, this.#acquireTimeout));
    this.#hosts.set(key, host);
    return host;
  }

  /** The connection that was used last: the others may time out. */
  #takeIdle(host: Host): Connection | undefined {
    const idle = host.idle.pop();
    idle?.lend.abort();
    return idle?.connection;
  }

  /** Gets the right to open a connection (null), or waits for that or for one that comes back. */
  async #takeTurn(host: Host, { signal }: PoolTarget): Promise<Connection | null> {
    if (host.open >= this.#maxPerHost) return await host.turns.wait(signal);
    host.open++;
    return null;
  }

  async #dial(host: Host, target: PoolTarget): Promise<Connection> {
    try {
      const signal = this.#signalOf(target);
      const connection =
        await (target.tls ? connectTls({ ...target, signal }) : connectTcp({ ...target, signal }));
      if (this.#draining !== undefined) {
        await connection.close();
        throw drainingError();
      }
      this.#opened++;
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
      [Symbol.asyncDispose]: async () => {
        if (done) return;
        done = true;
        this.#lent.delete(connection);
        if (kept && this.#draining === undefined && connection.duplex) {
          this.#giveBack(host, connection);
        } else await this.#discard(host, connection);
      },
    };
  }

  /** Hands a connection, or the right to open one (null), to whoever is next. */
  #giveBack(host: Host, connection: Connection | null): void {
    if (connection !== null && connection.stats.unreadBytes > 0) {
      // What nobody has read belongs to an exchange that is over: the next one must not get it.
      return void this.#discard(host, connection);
    }
    if (host.turns.next(connection)) return;
    if (connection !== null) this.#keep(host, connection);
    else if (--host.open === 0) {
      this.#hosts.delete(host.key);
      this.#checkDrained();
    }
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
        return void this.#discard(host, connection);
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

  /** Closes a connection; its place is free. */
  async #discard(host: Host, connection: Connection): Promise<void> {
    this.#closing.add(connection);
    this.#giveBack(host, null);
    await connection.close();
    this.#closing.delete(connection);
    this.#checkDrained();
  }

  /** Whether it may be lent; a check that takes more than `time` or is given up says no. */
  async #isGood(connection: Connection, time: number, target: PoolTarget): Promise<boolean> {
    if (!connection.duplex) return false;
    const old = this.#maxAge !== Infinity &&
      Date.now() - connection.stats.openedAt >= this.#maxAge;
    if (old) return false;
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
      while (host.idle[0] !== undefined && host.idle[0].since <= oldest) {
        const { connection, lend } = host.idle.shift()!;
        lend.abort();
        this.#discard(host, connection);
      }
      next = Math.min(next, host.idle[0]?.since ?? Infinity);
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
