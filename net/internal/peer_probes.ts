import { fdOf, ridOf, SOCKET, type UvHandles, uvHandles } from "./uv_handles.ts";
import { touch, unwatch, UNWATCHED, watch, type Watched } from "./timer.ts";
import { UserTimeout } from "./user_timeout.ts";

/** The probes that Linux sends before it gives up (`net.ipv4.tcp_keepalive_probes`), and one to give up. */
const ROUNDS = 10;

/**
 * Finds dead peers sooner than the system does. Linux sends the first probe over an idle connection after
 * two hours, and the others 75 seconds apart. With {@linkcode UserTimeout}, the kernel does everything.
 *
 * Without it, Deno can change only the time of the first probe (TCP_KEEPIDLE). But setting it makes Linux
 * check the connection at once: if nothing has come from the peer for that time, Linux sends the next
 * probe, or ends the connection if all have been in vain. A peer that lives answers the first one, so
 * further calls have no effect.
 */
export class PeerProbes implements Watched {
  due = Infinity;
  place = UNWATCHED;
  readonly waiting = false;
  readonly #uv: UvHandles;
  /** The time without a byte until the first probe, in seconds. */
  readonly #idle: number;
  /** The time between two rounds in milliseconds. */
  readonly #interval: number;
  readonly #userTimeout: UserTimeout | undefined;
  /** The resource identifiers of the connections. Deno never uses one again. */
  readonly #rids = new Set<number>();

  /**
   * @param uv The bindings of the stream handles.
   * @param timeout The time in which a dead peer is found, in milliseconds.
   */
  constructor(uv: UvHandles, timeout: number) {
    this.#uv = uv;
    this.#idle = Math.max(1, Math.floor(timeout * 0.55 / 1000));
    // The connection may have become idle just after a round.
    this.#interval = Math.max(100, (timeout - this.#idle * 1000) / (ROUNDS + 1));
    // The first probe comes before. Data may also be sent a while after the last sign of life.
    this.#userTimeout = UserTimeout.open(timeout * 0.69);
  }

  /** Probes the peer of a connection until the connection is closed. */
  add(conn: Deno.Conn): void {
    const rid = ridOf(conn);
    if (rid === undefined || !this.#probe(rid)) return;
    const fd = fdOf(conn);
    // The kernel does everything then.
    if (fd !== undefined && this.#userTimeout?.set(fd)) return;
    this.#rids.add(rid);
    if (this.place !== UNWATCHED) return;
    this.due = performance.now() + this.#interval;
    watch(this);
    touch(this);
  }

  sweep(now: number): void {
    for (const rid of this.#rids) if (!this.#probe(rid)) this.#rids.delete(rid);
    this.due = now + this.#interval;
    if (this.#rids.size === 0) unwatch(this);
  }

  /** Forgets all connections. */
  stop(): void {
    this.#rids.clear();
    unwatch(this);
    this.#userTimeout?.close();
  }

  /** Returns false if the connection is closed. */
  #probe(rid: number): boolean {
    const tcp = new this.#uv.Tcp(SOCKET);
    const open = tcp.openFromRid(rid) === 0;
    if (open) tcp.setKeepAlive(true, this.#idle);
    tcp.close();
    return open;
  }
}

/** Returns the probes for a time limit; undefined without one, or if this system lacks them. */
export function peerProbes(timeout = 0): PeerProbes | undefined {
  const uv = timeout > 0 ? uvHandles() : null;
  return uv === null ? undefined : new PeerProbes(uv, timeout);
}
