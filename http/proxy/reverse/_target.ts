import { optionError } from "../../../net/internal/options.ts";
import { formatAddress } from "../../../net/address.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { connectTls } from "../../../net/tls/client.ts";
import type { Transport } from "../../../net/connection/transport.ts";
import { connectUnix } from "../../../net/unix/client.ts";
import type { IdleUpstreams } from "../_idle_upstreams.ts";
import type { TickClock } from "../_clock.ts";
import { Upstream } from "../_upstream.ts";
import { hostPortOf } from "../../internal/url_parts.ts";
import type { ReverseProxyOptions, ReverseProxyTarget } from "./options.ts";

/** The complete limits of a reverse proxy. Times are in milliseconds, Infinity for none. */
export interface ReverseLimits {
  readonly maxFails: number;
  readonly failTimeout: number;
  readonly maxConnections: number;
  readonly connectTimeout: number;
  readonly responseTimeout: number;
  readonly bodyTimeout: number;
  readonly tunnelTimeout: number;
}

/** The state that all targets share. */
export interface TargetContext {
  readonly clock: TickClock;
  readonly limits: ReverseLimits;
  readonly tls: ReverseProxyOptions["tls"];
  readonly idle: IdleUpstreams<Upstream>;
}

/** A target, its connections and its health. */
export class ReverseTarget {
  /** The URL of the target. */
  readonly url: string;
  /** The host, with the port unless it is the default of the scheme. */
  readonly host: string;
  /** The prefix of paths, without a slash at the end. */
  readonly basePath: string;
  active = 0;
  requests = 0;
  failed = 0;

  readonly #context: TargetContext;
  readonly #checked: boolean;
  readonly #connect: (signal: AbortSignal) => Promise<Transport>;
  /** The number of failures within the period. */
  #fails = 0;
  /** The time of the first of these failures. */
  #since = 0;
  /** The time until which the target gets no requests, on the clock of `performance.now`. */
  #downUntil = 0;
  /** Whether a request tests the target after failures. */
  #onTrial = false;

  /**
   * Reads a target.
   *
   * @param target The URL of the target.
   * @param context The state that all targets share.
   * @param checked Whether the target gets no requests for a while after failures.
   * @throws {TypeError} If the URL is no target.
   */
  constructor(target: ReverseProxyTarget, context: TargetContext, checked: boolean) {
    this.#context = context;
    this.#checked = checked;
    const url = typeof target === "string" || target instanceof URL ? URL.parse(target) : null;
    if (
      url === null || url.search !== "" || url.hash !== "" || url.username + url.password !== ""
    ) {
      refuse(target);
    }
    if (url.protocol === "unix:" && url.host === "" && url.pathname.length > 1) {
      const path = pathOf(url) ?? refuse(target);
      this.url = `unix:${path}`;
      this.host = "localhost";
      this.basePath = "";
      this.#connect = (signal) => this.#connectUnix(path, signal);
      return;
    }
    const secure = url.protocol === "https:";
    if ((!secure && url.protocol !== "http:") || url.port === "0") refuse(target);
    this.url = url.href;
    this.host = url.host;
    this.basePath = url.pathname.replace(/\/$/, "");
    const address = hostPortOf(url);
    this.#connect = (signal) => this.#connectTcp(address, secure, signal);
  }

  /** Returns whether the target has failed too often recently. */
  get down(): boolean {
    return this.#downUntil > 0 && (this.#onTrial || performance.now() < this.#downUntil);
  }

  /** Returns whether the target has reached the limit of requests. */
  get full(): boolean {
    return this.active >= this.#context.limits.maxConnections;
  }

  /** Returns the time until the next test of the target in milliseconds. */
  get downFor(): number {
    return Math.max(0, this.#downUntil - performance.now());
  }

  /** Counts a request to the target. */
  begin(): void {
    this.active++;
    this.requests++;
    if (this.#downUntil > 0) this.#onTrial = true;
  }

  /** Ends a request. Without success or failure, the health of the target is unchanged. */
  end(): void {
    this.active--;
    this.#onTrial = false;
  }

  /** Records a success. */
  succeed(): void {
    this.#fails = this.#downUntil = 0;
    this.#onTrial = false;
  }

  /** Records a failure. */
  fail(): void {
    const { maxFails, failTimeout } = this.#context.limits;
    this.failed++;
    if (!this.#checked) return;
    const now = performance.now();
    if (now - this.#since > failTimeout && this.#downUntil === 0) this.#fails = 0;
    if (this.#fails === 0) this.#since = now;
    this.#fails++;
    if (this.#fails >= maxFails) this.#downUntil = now + failTimeout;
    this.#onTrial = false;
  }

  /** Returns an idle connection; undefined without one. */
  take(): Upstream | undefined {
    return this.#context.idle.take(this.url);
  }

  /** Returns the number of idle connections. */
  get idle(): number {
    return this.#context.idle.count(this.url);
  }

  /**
   * Opens a connection.
   *
   * @throws {NetError} If connecting fails.
   */
  async dial(signal: AbortSignal): Promise<Upstream> {
    const { clock, limits } = this.#context;
    return new Upstream(await this.#connect(signal), this.url, clock, limits.bodyTimeout);
  }

  async #connectTcp(
    to: { hostname: string; port: number },
    secure: boolean,
    signal: AbortSignal,
  ): Promise<Transport> {
    const timeout = this.#timeout;
    const options = { ...to, timeout, signal, writeTimeout: 0 };
    if (!secure) return (await connectTcp(options)).detach().transport;
    const tls = { alpnProtocols: ["http/1.1"], ...this.#context.tls, handshakeTimeout: timeout };
    return (await connectTls({ ...options, ...tls })).detach().transport;
  }

  async #connectUnix(path: string, signal: AbortSignal): Promise<Transport> {
    const options = { path, timeout: this.#timeout, signal, writeTimeout: 0 };
    return (await connectUnix(options)).detach().transport;
  }

  get #timeout(): number {
    const { connectTimeout } = this.#context.limits;
    return connectTimeout === Infinity ? 0 : connectTimeout;
  }
}

function pathOf({ pathname }: URL): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}

function refuse(target: ReverseProxyTarget): never {
  throw optionError(
    "target",
    "http://host:port or https://host:port, each with or without a path, or unix:/path",
    target instanceof URL || typeof target === "string"
      ? String(target).replace(/\/\/.*@/, "//…@")
      : target,
  );
}

/** Returns an address in the form of `Forwarded`. */
export function addressText(hostname: string): string {
  return formatAddress({ hostname, port: 0 }).replace(/:0$/, "");
}
