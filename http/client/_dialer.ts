import { lookup } from "node:dns/promises";
import { formatAddress } from "../../net/address.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { escapeControls } from "../../net/text.ts";
import type { HttpDial, HttpDialer } from "./options.ts";
import { Clock } from "../internal/clock.ts";
import { closeQuietly } from "../../net/internal/close_quietly.ts";
import { connectByDeno } from "../../net/internal/connect_by_deno.ts";
import { connectToFirst } from "../../net/internal/happy_eyeballs.ts";
import { orAbort } from "../../net/internal/or_abort.ts";
import { Expired } from "./_time_limits.ts";
import type { Timeouts } from "./_request_plan.ts";
import { firstBytes, pump, socksSource, writeAll } from "../internal/relay.ts";
import { acceptSocks, socksReply, type SocksTarget } from "../internal/socks.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The longest time for the SOCKS request of a local client, in milliseconds. */
const HELLO = 10_000;
/** The timer of a request may be late. It acts first, because its error names the limit: in ms. */
const HEAD_START = 500;
/** The number of hosts whose last failure is kept. */
const MAX_REMEMBERED = 1000;
const DOWN_BUFFER = 64 * 1024;
const UP_BUFFER = 16 * 1024;

/**
 * Connects for the clients of Deno: a SOCKS 5 proxy on loopback, protected by a secret, in this process.
 * TLS stays between Deno and the server.
 */
export class Dialer {
  readonly #options: HttpDialer;
  readonly #limit: number;
  readonly #secret = crypto.randomUUID();
  /** The last error of each target. */
  readonly #failures = new Map<string, NetError | Expired>();
  /** The number of connections that a server has reset, by target. */
  readonly #resets = new Map<string, number>();
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #clock = new Clock(2000);
  /** The longest time without write progress. It exceeds the time limits of all requests. */
  #patience = 0;
  #listener: Deno.TcpListener | undefined;

  constructor(options: HttpDialer) {
    this.#options = options;
    this.#limit = timeLimit(options.connectTimeout ?? 10_000);
  }

  /** Starts to listen, and returns the proxy settings for a client of Deno. */
  proxy(): Deno.Proxy {
    if (this.#listener === undefined) {
      this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      // A client that was not closed must not keep the process alive. Requests do so themselves.
      this.#listener.unref();
      this.#track(this.#accept(this.#listener));
    }
    return {
      url: `socks5h://127.0.0.1:${this.#listener.addr.port}`,
      basicAuth: { username: "portside", password: this.#secret },
    };
  }

  /** Returns why connecting failed, if `thrown` is the error of `fetch` for that. */
  failureOf(url: URL, thrown: unknown): NetError | Expired | undefined {
    const { cause } = thrown as { cause?: unknown };
    if (!(cause instanceof Error)) return undefined;
    if (!cause.message.includes("client error (Connect): Host unreachable")) return undefined;
    return this.#failures.get(targetOf(url));
  }

  /**
   * Returns a function that tells later whether the server has reset a connection since. Deno sees an
   * orderly end instead, because this side cannot send a reset. A body that ends with the connection
   * would seem complete.
   */
  watch(url: URL, { headers, body }: Timeouts): () => boolean {
    this.#patience = Math.max(this.#patience, headers + HEAD_START, body + HEAD_START);
    const name = targetOf(url);
    const before = this.#resets.get(name) ?? 0;
    return () => (this.#resets.get(name) ?? 0) !== before;
  }

  /** Ends all connections. */
  close(): void {
    this.#stop.abort();
    this.#clock.stop();
    // `finished()` needs the process until all connections have ended.
    this.#listener?.ref();
    this.#listener?.close();
    for (const conn of this.#conns) {
      conn.ref();
      closeQuietly(conn);
    }
  }

  /** Resolves when all connections have ended. */
  async finished(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = ignoreFailure(work).finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const conn = await listener.accept();
        this.#track(this.#serve(conn));
      } catch (error) {
        if (this.#stop.signal.aborted || error instanceof Deno.errors.BadResource) return;
        // The connection was reset before it was accepted.
        if (error instanceof Deno.errors.NotConnected) continue;
        // No file descriptor is left. Accepting again at once would be a busy loop.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #serve(near: Deno.TcpConn): Promise<void> {
    this.#conns.add(near);
    near.unref();
    near.setNoDelay();
    let far: Deno.TcpConn | undefined;
    const hello = new Alarm(() => closeQuietly(near));
    hello.start(HELLO);
    try {
      const target = await acceptSocks(socksSource(near), this.#secret);
      hello.stop();
      const gone = new AbortController();
      // The client sends nothing before the reply. It can only end the connection.
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
      hello.stop();
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
    // If one direction fails, the other one must end, too.
    const end = () => {
      closeQuietly(near);
      closeQuietly(far);
    };
    // A pending write does not notice that the client has gone.
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
      // Deno never half-closes a connection. The end of its output ends the connection.
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

  /** Connects to a target. Returns undefined after a failure, and keeps the reason. */
  async #dial(target: SocksTarget, signal: AbortSignal): Promise<Deno.TcpConn | undefined> {
    const { hostname, port } = target;
    const name = nameOf(target);
    const started = performance.now();
    let resolved: number | undefined;
    let addresses: readonly string[] | undefined;
    const limit = new AbortController();
    const alarm = new Alarm(() => limit.abort(new Expired("connect", this.#limit)));
    alarm.start(this.#limit);
    const both = AbortSignal.any([signal, limit.signal]);
    try {
      addresses = await orAbort(this.#resolve(hostname, both), both);
      if (addresses !== undefined) {
        if (!isAddress(hostname)) resolved = performance.now();
        addresses = await orAbort(this.#permit(target, addresses), both);
      }
      const conn = await connectToFirst(
        addresses ?? [hostname],
        both,
        (address, own) => connectByDeno(address, port, own),
      );
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
      alarm.stop();
    }
  }

  #resolves(hostname: string): boolean {
    const { resolve, allow } = this.#options;
    return !isAddress(hostname) && (resolve !== undefined || allow !== undefined);
  }

  /** Returns the addresses of a name; undefined if the system resolves it while connecting. */
  async #resolve(hostname: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    if (isAddress(hostname)) return [hostname];
    const { resolve } = this.#options;
    if (!this.#resolves(hostname)) return undefined;
    const found = resolve === undefined
      ? (await lookup(hostname, { all: true })).map(({ address }) => address)
      : await resolve(hostname, signal);
    const wrong = found.find((address) => !isAddress(address));
    if (wrong !== undefined) throw new TypeError("resolve returned a value that is no IP address");
    if (found.length === 0) throw new Error("there is no address");
    return found;
  }

  /** Returns the addresses that `allow` permits. */
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

/** Sets an entry. Removes the oldest one if there are too many. */
function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > MAX_REMEMBERED) {
    for (const oldest of map.keys()) return void map.delete(oldest);
  }
}

/** Returns whether a host is an IP address and not a name. */
function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(hostname);
}
