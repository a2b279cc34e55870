import type { TimeLimits } from "../_time_limits.ts";
import type { ClientConnection } from "./client_connection.ts";

/** The requests to one origin, and its idle connections. */
export class Origin {
  /** The number of requests in progress. */
  active = 0;
  /** The requests that wait, in their order. */
  readonly waiting = new Set<() => void>();
  /** The idle connections. The last one was used most recently. */
  readonly idle: ClientConnection[] = [];
  constructor(readonly name: string) {}
}

/** Thrown when a queue is full. */
export class QueueFull {
  constructor(readonly limit: number) {}
}

/** The largest number of idle connections of a client to all origins together. */
const MAX_IDLE = 512;

/**
 * The places and connections of a client. Each origin has a limited number of places, and requests wait
 * for one in their order. A request with a place takes an idle connection of its origin, or opens one.
 * So there are never more connections than places.
 */
export class Pool {
  readonly #origins = new Map<string, Origin>();
  readonly #max: number;
  readonly #maxQueued: number;
  /** All idle connections, the oldest first. */
  readonly #idle = new Map<ClientConnection, Origin>();
  #closed = false;

  constructor(max: number, maxQueued: number) {
    this.#max = max;
    this.#maxQueued = maxQueued;
  }

  /** Returns a place, or the promise of one. The guard can end the wait. */
  acquire(name: string, guard: TimeLimits): Origin | Promise<Origin> {
    let origin = this.#origins.get(name);
    if (origin === undefined) this.#origins.set(name, origin = new Origin(name));
    if (origin.active < this.#max) {
      origin.active++;
      return origin;
    }
    if (origin.waiting.size >= this.#maxQueued) throw new QueueFull(this.#maxQueued);
    return wait(origin, guard);
  }

  /** Passes a place on to the request that has waited longest. */
  release(origin: Origin): void {
    if (origin.waiting.size > 0) {
      for (const next of origin.waiting) {
        origin.waiting.delete(next);
        return next();
      }
    }
    origin.active--;
    this.#tidy(origin);
  }

  /** Returns an idle connection for a request that has a place; undefined if there is none. */
  take(origin: Origin): ClientConnection | undefined {
    const conn = origin.idle.pop();
    if (conn !== undefined) this.#idle.delete(conn);
    return conn;
  }

  /** Closes the idle connections of an origin. One of them was dead, and the others are as old. */
  drop(origin: Origin): void {
    for (const conn of [...origin.idle]) conn.close();
  }

  /** Stores an idle connection. */
  keep(conn: ClientConnection, origin: Origin): void {
    if (this.#closed) return conn.close();
    this.#idle.set(conn, origin);
    origin.idle.push(conn);
    if (this.#idle.size <= MAX_IDLE) return;
    for (const oldest of this.#idle.keys()) return oldest.close();
  }

  /** Removes a connection that has ended. */
  forget(conn: ClientConnection, origin: Origin): void {
    if (!this.#idle.delete(conn)) return;
    origin.idle.splice(origin.idle.indexOf(conn), 1);
    this.#tidy(origin);
  }

  /** Closes the idle connections. */
  close(): void {
    this.#closed = true;
    for (const conn of [...this.#idle.keys()]) conn.close();
  }

  /** Returns the number of requests in progress and of those that wait. */
  count(): { active: number; waiting: number } {
    let active = 0;
    let waiting = 0;
    for (const origin of this.#origins.values()) {
      active += origin.active;
      waiting += origin.waiting.size;
    }
    return { active, waiting };
  }

  /** Removes an unused origin, because the number of origins is unlimited. */
  #tidy(origin: Origin): void {
    if (origin.active === 0 && origin.idle.length === 0) this.#origins.delete(origin.name);
  }
}

function wait(origin: Origin, guard: TimeLimits): Promise<Origin> {
  return new Promise((resolve, reject) => {
    if (guard.aborted) return reject(guard.reason);
    const onAbort = () => {
      origin.waiting.delete(next);
      guard.offAbort(onAbort);
      reject(guard.reason);
    };
    const next = () => {
      guard.offAbort(onAbort);
      resolve(origin);
    };
    guard.onAbort(onAbort);
    origin.waiting.add(next);
  });
}
