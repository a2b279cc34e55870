import { lookup } from "node:dns/promises";
import {
  type Address,
  formatAddress,
  type HostPort,
  normalizeHostname,
} from "../../net/address.ts";
import { readAddressBytes } from "../../net/address_block.ts";
import { NetError, type NetErrorKind, toNetError } from "../../net/errors/errors.ts";
import type { Transport } from "../../net/connection/transport.ts";
import { connectByDeno } from "../../net/internal/connect_by_deno.ts";
import { connectToFirst } from "../../net/internal/happy_eyeballs.ts";
import { orAbort } from "../../net/internal/or_abort.ts";
import type { LocalAddresses } from "./_local_addresses.ts";
import { Http1Decoder } from "../http1/codec.ts";
import type { TickClock, Ticked } from "./_clock.ts";
import { type IdleOptions, IdleUpstreams } from "./_idle_upstreams.ts";
import { readKeepAlive } from "../internal/keep_alive_field.ts";
import { Out } from "./_output.ts";
import { ProxyRefusal } from "./_error_pages.ts";
import { Peer } from "./_peer.ts";
import { passHop } from "./_prepare_hop.ts";
import type { Target } from "./_target_rules.ts";
import type { Introduction, Way } from "./_route.ts";

/** A connection to a server or to the next proxy. */
export class Upstream extends Peer {
  /** Whether the connection is reused. */
  reused = false;
  /** The output to the server. */
  readonly out: Out;
  /** The key of the destination. */
  readonly key: string;
  /** The two addresses of the connection, in the form of `routeOf`. */
  readonly route: string;
  #idleLimit = Infinity;
  /** The number of further requests that the server accepts. */
  #left = Infinity;

  constructor(conn: Transport, key: string, clock: TickClock, writeLimit: number) {
    super(conn, new Http1Decoder("response", DECODING), clock, writeLimit);
    this.out = new Out(this);
    this.key = key;
    this.route = routeOf(conn.localAddr, conn.remoteAddr);
  }

  /** The longest idle time of the server in milliseconds, less a margin; 0 to close at once. */
  get idleLimit(): number {
    return this.#left === 0 ? 0 : this.#idleLimit;
  }

  /** Stores the limits of the `Keep-Alive` field of a response. */
  heard(keepAlive: string | undefined): void {
    if (this.#left !== Infinity) this.#left--;
    if (keepAlive === undefined) return;
    const { timeout, max } = readKeepAlive(keepAlive);
    this.#idleLimit = Math.max(0, timeout - MARGIN);
    this.#left = Math.min(this.#left, max);
  }

  /** Whether the connection can be used: the server is connected, and has sent nothing unexpected. */
  get usable(): boolean {
    return !this.lost && !this.broken && !this.closed && this.decoder.between && this.out.empty;
  }
}

/** The settings of connections to servers. */
export interface UpstreamOptions extends IdleOptions {
  readonly connectTimeout: number;
  readonly bodyTimeout: number;
  /** Returns the addresses of a name. */
  readonly resolve: (hostname: string) => readonly string[] | Promise<readonly string[]>;
}

/** Servers send larger heads than clients. The proxy forwards responses in canonical form. */
const DECODING = { maxHead: 64 * 1024, tolerant: true };
/** How long before the server the proxy closes an idle connection, in milliseconds. */
const MARGIN = 1000;
/** Messages for the client about a server that could not be reached. */
const SERVER: Partial<Record<NetErrorKind, string>> = {
  refused: "The server refused the connection",
  unreachable: "The server cannot be reached",
  reset: "The server broke off the connection",
};
/** Messages for the client about a next proxy that failed. */
const NEXT_PROXY: Partial<Record<NetErrorKind, string>> = {
  refused: "The next proxy refused the connection",
  unreachable: "The next proxy cannot be reached",
  reset: "The next proxy broke off the connection",
  tls: "The next proxy cannot be verified",
  protocol: "The next proxy gave no proper answer",
  truncated: "The next proxy broke off the connection",
  reply: "The next proxy refused",
};

/** Connects to targets within the rules, and keeps idle connections. */
export class Upstreams extends IdleUpstreams<Upstream> {
  readonly #options: UpstreamOptions;
  readonly #open = new Set<Upstream>();
  readonly #routes = new Set<string>();

  constructor(options: UpstreamOptions) {
    super(options);
    this.#options = options;
  }

  /** Closes a connection. */
  override drop(upstream: Upstream): void {
    this.#open.delete(upstream);
    this.#routes.delete(upstream.route);
    super.drop(upstream);
  }

  /**
   * Returns whether the other end of a client's connection is this proxy. It compares both addresses,
   * because Linux uses one local port for connections to different destinations. The address of the
   * client alone is therefore not unique.
   */
  isOurs(remote: Address, local: Address): boolean {
    return this.#routes.has(routeOf(remote, local));
  }

  /** Closes the idle connections that were opened with the PROXY header of a client. */
  forget({ key }: Introduction): void {
    this.evictAll((way) => way.startsWith(key));
  }

  /** Closes all connections. */
  override close(): void {
    for (const upstream of this.#open) upstream.close();
    this.#open.clear();
    this.#routes.clear();
    super.close();
  }

  /**
   * Connects to a target through its next hop. It resolves a name once, and uses only the addresses that
   * the rules allow.
   *
   * @param way The way that the connection serves.
   * @param local The local address of the client's connection, which is no allowed target.
   * @param controller Cancels connecting. It is also aborted when the time limit expires.
   * @throws {ProxyRefusal} If the target is not allowed, or connecting fails.
   */
  async dial(way: Way, local: Address, controller: AbortController): Promise<Upstream> {
    const { connectTimeout, clock, bodyTimeout } = this.#options;
    const limit = new Limit(controller);
    if (connectTimeout !== Infinity) {
      limit.due = clock.after(connectTimeout);
      clock.watch(limit);
    }
    const to = way.hop.proxy?.target ?? way.target;
    const peer = way.hop.proxy === undefined ? "server" : "next proxy";
    try {
      const transport = await this.#reach(way, local, controller.signal);
      const upstream = new Upstream(transport, way.key, clock, bodyTimeout);
      this.#open.add(upstream);
      this.#routes.add(upstream.route);
      return upstream;
    } catch (error) {
      if (error instanceof ProxyRefusal) throw error;
      const address = formatAddress({ hostname: to.hostname, port: to.port });
      if (limit.expired) {
        throw new ProxyRefusal(
          504,
          `The ${peer} could not be reached in time`,
          `no connection: ${address}`,
        );
      }
      if (controller.signal.aborted) throw error;
      const { kind, message } = toNetError(error, { phase: "connect", address });
      if (kind === "descriptor-limit") {
        throw new ProxyRefusal(503, "The proxy is at its limits", message);
      }
      if (kind === "timeout") {
        throw new ProxyRefusal(504, `The ${peer} could not be reached in time`, message);
      }
      // The reply of a SOCKS server states why it cannot reach the target.
      const reply = error instanceof NetError && isReply(error);
      const words = peer === "server" || (reply && kind in SERVER) ? SERVER : NEXT_PROXY;
      throw new ProxyRefusal(
        502,
        words[kind] ?? `The proxy cannot connect to the ${peer}`,
        message,
      );
    } finally {
      clock.unwatch(limit);
    }
  }

  /** Connects to the target of a way. */
  async #reach(way: Way, local: Address, signal: AbortSignal): Promise<Transport> {
    const { target, hop: { proxy, byName } } = way;
    if (proxy === undefined) {
      const allowed = await orAbort(this.#allowed(way), signal);
      checkLoop(allowed, target, local);
      return await this.#connect(way, allowed, target, signal);
    }
    const found = await orAbort(this.#addresses(proxy.target, "next proxy"), signal);
    if (byName) return await this.#connect(way, found, target, signal);
    // A SOCKS server gets the next address if it cannot reach the one before.
    const allowed = await orAbort(this.#allowed(way), signal);
    for (const [index, hostname] of allowed.entries()) {
      try {
        return await this.#connect(way, found, { hostname, port: target.port }, signal);
      } catch (error) {
        const last = index === allowed.length - 1 || signal.aborted;
        if (last || !(error instanceof NetError) || !isReply(error)) throw error;
      }
    }
    throw new ProxyRefusal(502, "The server cannot be reached");
  }

  /** Connects to the next hop at one of its addresses, and through it to the host. */
  async #connect(
    way: Way,
    addresses: readonly string[],
    host: HostPort,
    signal: AbortSignal,
  ): Promise<Transport> {
    const { port } = way.hop.proxy?.target ?? way.target;
    const conn = await dialFrom(way.rules.from, addresses, port, signal);
    if (way.hop.proxy === undefined && way.introduction === undefined) return conn;
    return await passHop(conn, way, host, signal);
  }

  /** Returns all addresses of a host. */
  async #addresses(
    { hostname, address }: Target,
    peer: "server" | "next proxy",
  ): Promise<readonly string[]> {
    if (address !== undefined) return [hostname];
    try {
      return await this.#options.resolve(hostname);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      const missing = error instanceof Error && "code" in error && error.code === "EPERM";
      throw new ProxyRefusal(
        502,
        `The name of the ${peer} cannot be resolved`,
        `Cannot resolve ${hostname}` +
          (missing ? ": permission is missing, run again with --allow-net" : ""),
      );
    }
  }

  /** Returns the addresses of a target that its client may reach. */
  async #allowed({ target, rules }: Way): Promise<readonly string[]> {
    const found = await this.#addresses(target, "server");
    const name = target.address === undefined ? target.hostname : undefined;
    const allowed = found.filter((one) => {
      const bytes = readAddressBytes(one);
      return bytes !== undefined && rules.mayReach(bytes, name);
    });
    if (allowed.length > 0) return allowed;
    throw new ProxyRefusal(
      403,
      "The address of the server is not allowed",
      `denied: ${found.join(" ")}`,
    );
  }
}

/** Connects to one of several addresses, from a local address if one is set. */
async function dialFrom(
  from: LocalAddresses | undefined,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Transport> {
  if (from === undefined) {
    const conn = await connectToFirst(
      addresses,
      signal,
      (address, own) => connectByDeno(address, port, own),
    );
    conn.setNoDelay();
    return conn;
  }
  const reachable = from.reachable(addresses);
  if (reachable.length === 0) {
    throw new ProxyRefusal(
      502,
      "The server cannot be reached",
      `no localAddress has the family of ${addresses.join(" ")}`,
    );
  }
  return await connectToFirst(
    reachable,
    signal,
    (address, own) => from.connect(address, port, own),
  );
}

/** Returns whether an error is the reply of a SOCKS server that cannot reach a target. */
function isReply(error: NetError): boolean {
  return error.phase === "connect" && /^\d{1,3}$/.test(error.code ?? "");
}

/** Refuses a target that is this proxy itself. */
function checkLoop(allowed: readonly string[], target: Target, local: Address): void {
  if (!("port" in local && "hostname" in local) || local.port !== target.port) return;
  const us = readAddressBytes(local.hostname)?.join();
  const isUs = (one: string) => {
    const bytes = readAddressBytes(one)!;
    // The unspecified address means this machine, too.
    return bytes.join() === us || bytes.every((byte) => byte === 0);
  };
  if (allowed.some(isUs)) throw new ProxyRefusal(508, "The target is this proxy");
}

/** Returns a string of both addresses of a connection. */
function routeOf(from: Address, to: Address): string {
  return [from, to].map((end) =>
    "hostname" in end
      ? formatAddress({ hostname: normalizeHostname(end.hostname), port: end.port })
      : formatAddress(end)
  ).join(" ");
}

/** Returns the addresses of a name from the operating system. */
export async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);
}

/** A time limit that aborts a controller. */
class Limit implements Ticked {
  due = Infinity;
  expired = false;
  readonly #controller: AbortController;

  constructor(controller: AbortController) {
    this.#controller = controller;
  }

  expire(): void {
    this.expired = !this.#controller.signal.aborted;
    this.#controller.abort();
  }
}
