import { lookup } from "node:dns/promises";
import { formatAddress } from "../../net/address.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { escapeControls } from "../../net/text.ts";
import type { HttpDial, HttpDialer } from "./options.ts";
import { Clock } from "../internal/clock.ts";
import { closeQuietly, dialAny, isAddress, orAbort } from "../internal/dial.ts";
import { Expired } from "./_guard.ts";
import type { Timeouts } from "./_plan.ts";
import { firstBytes, pump, socksSource, writeAll } from "../internal/relay.ts";
import { acceptSocks, socksReply, type SocksTarget } from "../internal/socks.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How long whoever connects to us may take to say what it wants. */
const HELLO = 10_000;
/** The timer of a request may be late. It acts first, because its error names the limit: in ms. */
const HEAD_START = 500;
/** Hosts whose last failure is remembered. */
const MAX_REMEMBERED = 1000;
const DOWN_BUFFER = 64 * 1024;
const UP_BUFFER = 16 * 1024;

/**
 * Dials for the clients of Deno under us: a SOCKS 5 proxy on loopback that knows
 * a secret, and ends in this process. TLS stays between Deno and the server.
 */
export class Dialer {
  readonly #options: HttpDialer;
  readonly #limit: number;
  readonly #secret = crypto.randomUUID();
  /** Why the last dial of each target failed. */
  readonly #failures = new Map<string, NetError | Expired>();
  /** How often a server broke off a connection, by target. */
  readonly #resets = new Map<string, number>();
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #clock = new Clock(2000);
  /** How long a server may take nothing: longer than the most patient request waits. */
  #patience = 0;
  #listener: Deno.TcpListener | undefined;

  constructor(options: HttpDialer) {
    this.#options = options;
    this.#limit = timeLimit(options.connectTimeout ?? 10_000);
  }

  /** What Deno's client needs to know; begins to listen. */
  proxy(): Deno.Proxy {
    if (this.#listener === undefined) {
      this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      // Who forgets to close a client shall not hang: requests hold the process by themselves.
      this.#listener.unref();
      this.#track(this.#accept(this.#listener));
    }
    return {
      url: `socks5h://127.0.0.1:${this.#listener.addr.port}`,
      basicAuth: { username: "portside", password: this.#secret },
    };
  }

  /** Why there was no connection, if `thrown` is what `fetch` says when our dial has failed. */
  failureOf(url: URL, thrown: unknown): NetError | Expired | undefined {
    const { cause } = thrown as { cause?: unknown };
    if (!(cause instanceof Error)) return undefined;
    if (!cause.message.includes("client error (Connect): Host unreachable")) return undefined;
    return this.#failures.get(targetOf(url));
  }

  /**
   * Says later whether a server at this target has broken off since. Deno sees an
   * orderly end instead, for nothing here can send a reset: a body that lasts
   * until the connection ends would seem whole.
   */
  watch(url: URL, { headers, body }: Timeouts): () => boolean {
    this.#patience = Math.max(this.#patience, headers + HEAD_START, body + HEAD_START);
    const name = targetOf(url);
    const before = this.#resets.get(name) ?? 0;
    return () => (this.#resets.get(name) ?? 0) !== before;
  }

  /** Ends everything. */
  close(): void {
    this.#stop.abort();
    this.#clock.stop();
    // Whoever waits for the end needs the process to live until it is there.
    this.#listener?.ref();
    this.#listener?.close();
    for (const conn of this.#conns) {
      conn.ref();
      closeQuietly(conn);
    }
  }

  /** Resolves when nothing is left of it. */
  async finished(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.catch(() => {}).finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const conn = await listener.accept();
        this.#track(this.#serve(conn));
      } catch (error) {
        if (this.#stop.signal.aborted || error instanceof Deno.errors.BadResource) return;
        // Reset before it was accepted.
        if (error instanceof Deno.errors.NotConnected) continue;
        // Out of descriptors: accepting again at once would spin.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #serve(near: Deno.TcpConn): Promise<void> {
    this.#conns.add(near);
    near.unref();
    near.setNoDelay();
    let far: Deno.TcpConn | undefined;
    const hello = setTimeout(() => closeQuietly(near), HELLO);
    try {
      const target = await acceptSocks(socksSource(near), this.#secret);
      clearTimeout(hello);
      const gone = new AbortController();
      // Nothing comes before our answer, but for the end of a client that waits no more.
      const first = firstBytes(near, gone);
      far = await this.#dial(target, AbortSignal.any([this.#stop.signal, gone.signal]));
      if (far === undefined) {
        await writeAll(near, socksReply(4));
        return;
      }
      this.#conns.add(far);
      await writeAll(near, socksReply(0));
      await this.#relay(near, far, first, nameOf(target));
    } finally {
      clearTimeout(hello);
      for (const conn of [near, far]) {
        if (conn === undefined) continue;
        this.#conns.delete(conn);
        closeQuietly(conn);
      }
    }
  }

  async #relay(
    near: Deno.TcpConn,
    far: Deno.TcpConn,
    first: Promise<Bytes | null>,
    name: string,
  ): Promise<void> {
    // When one way fails, the other must not wait for ever.
    const end = () => {
      closeQuietly(near);
      closeQuietly(far);
    };
    // Whoever waits to write does not see that nobody wants it any more.
    const patient = {
      write: async (bytes: Bytes) => {
        const limit = { due: performance.now() + this.#patience, expire: end };
        this.#clock.watch(limit);
        try {
          return await far.write(bytes);
        } finally {
          this.#clock.unwatch(limit);
        }
      },
    };
    const up = async () => {
      const begin = await first;
      if (begin !== null) {
        await writeAll(patient, begin);
        await pump(near, patient, UP_BUFFER);
      }
      // Deno never closes one half: it wants nothing more.
      end();
    };
    const down = async () => {
      try {
        await pump(far, near, DOWN_BUFFER);
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionReset) {
          remember(this.#resets, name, (this.#resets.get(name) ?? 0) + 1);
        }
        throw error;
      }
      await near.closeWrite();
    };
    await Promise.all([up().catch(end), down().catch(end)]);
  }

  /** The connection, or undefined if there is none; the reason is remembered. */
  async #dial(target: SocksTarget, signal: AbortSignal): Promise<Deno.TcpConn | undefined> {
    const { hostname, port } = target;
    const name = nameOf(target);
    const started = performance.now();
    let resolved: number | undefined;
    let addresses: readonly string[] | undefined;
    const limit = new AbortController();
    const timer = this.#limit === Infinity
      ? undefined
      : setTimeout(() => limit.abort(new Expired("connect", this.#limit)), this.#limit);
    const both = AbortSignal.any([signal, limit.signal]);
    try {
      addresses = await orAbort(this.#resolve(hostname, both), both);
      if (addresses !== undefined) {
        if (!isAddress(hostname)) resolved = performance.now();
        addresses = await orAbort(this.#permit(target, addresses), both);
      }
      const conn = await dialAny(addresses ?? [hostname], port, both);
      this.#failures.delete(name);
      conn.unref();
      conn.setNoDelay();
      const { hostname: address } = conn.remoteAddr;
      this.#tell(target, started, resolved, { address });
      return conn;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = thrown instanceof Expired || thrown instanceof NetError
        ? thrown
        : addresses === undefined && this.#resolves(hostname)
        ? new NetError(`Cannot resolve ${hostname}: ${messageOf(thrown)}`, {
          kind: "dns",
          phase: "resolve",
          cause: thrown,
        })
        : toNetError(thrown, { phase: "connect", address: name });
      remember(this.#failures, name, error);
      this.#tell(target, started, resolved, {
        error: error instanceof NetError ? error : new NetError(
          `Cannot connect to ${name}: no connection within ${this.#limit} ms`,
          { kind: "timeout", phase: "connect", address: name },
        ),
      });
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  #resolves(hostname: string): boolean {
    const { resolve, allow } = this.#options;
    return !isAddress(hostname) && (resolve !== undefined || allow !== undefined);
  }

  /** The addresses of a name; undefined if that is left to the system while it connects. */
  async #resolve(hostname: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    if (isAddress(hostname)) return [hostname];
    const { resolve } = this.#options;
    if (!this.#resolves(hostname)) return undefined;
    const found = resolve === undefined
      ? (await lookup(hostname, { all: true })).map(({ address }) => address)
      : await resolve(hostname, signal);
    const wrong = found.find((address) => !isAddress(address));
    if (wrong !== undefined) throw new TypeError("resolve gave something that is no IP address");
    if (found.length === 0) throw new Error("there is no address");
    return found;
  }

  /** Those addresses that may be dialled. */
  async #permit(target: SocksTarget, addresses: readonly string[]): Promise<readonly string[]> {
    const { allow } = this.#options;
    if (allow === undefined) return addresses;
    const permitted: string[] = [];
    for (const address of addresses) {
      if (await allow({ ...target, address }) === true) permitted.push(address);
    }
    if (permitted.length > 0) return permitted;
    throw new NetError(`Cannot connect to ${nameOf(target)}: the policy of the dialer forbids it`, {
      kind: "permission",
      phase: "connect",
      address: nameOf(target),
    });
  }

  #tell(
    { hostname, port }: SocksTarget,
    started: number,
    resolved: number | undefined,
    end: Pick<HttpDial, "address" | "error">,
  ): void {
    const now = performance.now();
    const resolveTime = resolved === undefined ? {} : { resolveTime: resolved - started };
    const connectTime = now - (resolved ?? started);
    try {
      this.#options.onDial?.({ hostname, port, ...resolveTime, connectTime, ...end });
    } catch (error) {
      reportError(error);
    }
  }
}

function nameOf(target: SocksTarget): string {
  return formatAddress(target);
}

function targetOf({ protocol, hostname, port }: URL): string {
  const fallback = protocol === "https:" ? 443 : 80;
  const bare = hostname.replace(/^\[|\]$/g, "");
  return nameOf({ hostname: bare, port: port === "" ? fallback : Number(port) });
}

function messageOf(thrown: unknown): string {
  return escapeControls(thrown instanceof Error ? thrown.message : String(thrown));
}

/** Sets an entry; the oldest goes when there are too many. */
function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > MAX_REMEMBERED) {
    for (const oldest of map.keys()) return void map.delete(oldest);
  }
}
