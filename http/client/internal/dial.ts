import {
  formatAddress,
  type HostPort,
  isGlobalAddress,
  normalizeHostname,
} from "../../../net/address.ts";
import { formatAddressBytes, readAddressBytes } from "../../../net/address_block.ts";
import { Connection } from "../../../net/connection/connection.ts";
import type { Transport } from "../../../net/connection/transport.ts";
import { NetError, toNetError } from "../../../net/errors/errors.ts";
import { dial } from "../../../net/internal/dial.ts";
import { connectToFirst } from "../../../net/internal/happy_eyeballs.ts";
import { timeLimit } from "../../../net/internal/options.ts";
import { orAbort } from "../../../net/internal/or_abort.ts";
import { resolveHost } from "../../../net/internal/resolve_host.ts";
import { Alarm } from "../../../net/internal/timer.ts";
import { escapeControls } from "../../../net/text.ts";
import { chooseProxy, type ProxyChoice } from "../../internal/proxy_choice.ts";
import type { ProxyServer } from "../../internal/proxy_server.ts";
import { openTunnel, proxyNotReached } from "../../internal/tunnel.ts";
import { hostPortOf } from "../../internal/url_parts.ts";
import type { TlsClientSettings } from "../../../net/tls/options.ts";
import { upgradeTls } from "../../../net/tls/upgrade.ts";
import { connectUnix } from "../../../net/unix/client.ts";
import { Expired, type TimeLimits } from "../_time_limits.ts";
import type { HttpClientOptions, HttpDial, HttpDialer } from "../options.ts";
import type { Dialed } from "./client_connection.ts";
import type { Timings } from "./timings.ts";

/** Opens the connections of a client. */
export class ConnectionDialer {
  readonly #options: HttpClientOptions;
  readonly #rules: HttpDialer;
  readonly #limit: number;
  readonly #tls: TlsClientSettings;
  readonly #choose: ProxyChoice;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#tls = tlsSettings(options);
    this.#rules = dialRules(options);
    this.#limit = timeLimit(this.#rules.connectTimeout ?? 10_000);
    const { proxy, unixSocket } = options;
    const direct = unixSocket !== undefined || choosesAddresses(options);
    this.#choose = direct ? () => undefined : chooseProxy(proxy);
  }

  /** Returns the proxy that requests to a URL are sent to; undefined for none, and for tunnels. */
  forwards(url: URL): ProxyServer | undefined {
    const proxy = this.#choose(url);
    if (proxy === undefined || url.protocol !== "http:") return undefined;
    return proxy.protocol.startsWith("http") ? proxy : undefined;
  }

  /**
   * Opens a connection to the origin of a URL.
   *
   * @throws {NetError | Expired} If there is none. Nothing of the request has been sent then.
   */
  async dial(
    url: URL,
    guard: TimeLimits,
    timings: Timings,
    alpnProtocols: readonly string[] = ["http/1.1"],
  ): Promise<Dialed> {
    const stop = new AbortController();
    const onAbort = () => stop.abort(guard.reason);
    const alarm = new Alarm(() => stop.abort(new Expired("connect", this.#limit)));
    alarm.start(this.#limit);
    guard.onAbort(onAbort);
    try {
      guard.throwIfAborted();
      return await this.#open(url, alpnProtocols, stop.signal, timings);
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      alarm.stop();
      guard.offAbort(onAbort);
    }
  }

  async #open(
    url: URL,
    alpnProtocols: readonly string[],
    signal: AbortSignal,
    timings: Timings,
  ): Promise<Dialed> {
    const proxy = this.#choose(url);
    const forward = this.forwards(url);
    if (forward !== undefined) {
      try {
        return await this.#reach(forward, signal, timings);
      } catch (error) {
        throw proxyNotReached(error, forward, formatAddress(hostPortOf(url)));
      }
    }
    const target = hostPortOf(url);
    const raw = proxy === undefined
      ? await this.#connect(target, signal, timings)
      : await this.#tunnel(proxy, target, signal, timings);
    return url.protocol === "http:" ? { transport: raw, raw, tls: undefined } : await this.#secure(
      raw,
      target.hostname,
      { ...this.#tls, alpnProtocols: [...alpnProtocols] },
      signal,
      timings,
    );
  }

  /** Connects to a proxy that gets requests as they are. */
  async #reach(proxy: ProxyServer, signal: AbortSignal, timings: Timings): Promise<Dialed> {
    const raw = await this.#connect(proxy, signal, timings);
    return proxy.protocol === "http"
      ? { transport: raw, raw, tls: undefined }
      : await this.#secure(raw, proxy.hostname, this.#proxyTls(proxy), signal, timings);
  }

  /** Returns the settings of TLS to a proxy. Pins and certificates of the client are for servers. */
  #proxyTls({ caCerts }: ProxyServer): TlsClientSettings {
    const trusted = caCerts ?? this.#options.caCerts;
    return trusted === undefined ? {} : { caCerts: [...trusted] };
  }

  /** Connects through a proxy, which resolves the name. */
  async #tunnel(
    proxy: ProxyServer,
    target: HostPort,
    signal: AbortSignal,
    timings: Timings,
  ): Promise<Transport> {
    const started = performance.now();
    const { caCerts } = this.#options;
    const remote = proxy.protocol === "socks5" ? { ...proxy, protocol: "socks5h" as const } : proxy;
    const conn = await openTunnel(remote, target, { signal, timeout: 0, caCerts });
    timings.connect = performance.now() - started;
    const { transport, buffered } = conn.detach();
    if (buffered.length === 0) return transport;
    transport.close();
    throw new NetError("the proxy sent bytes that nobody asked for", {
      kind: "protocol",
      phase: "connect",
      address: formatAddress(target),
    });
  }

  async #connect(target: HostPort, signal: AbortSignal, timings: Timings): Promise<Transport> {
    const { unixSocket: path } = this.#options;
    const started = performance.now();
    if (path === undefined) return await this.#connectTcp(target, signal, timings);
    const conn = await connectUnix({ path, timeout: 0, signal });
    timings.connect = performance.now() - started;
    return conn.detach().transport;
  }

  /** Connects to a host, and reports the attempt. */
  async #connectTcp(target: HostPort, signal: AbortSignal, timings: Timings): Promise<Transport> {
    const { hostname, port } = target;
    const started = performance.now();
    let resolveTime: number | undefined;
    const told = () => {
      const connectTime = performance.now() - started - (resolveTime ?? 0);
      return { hostname, port, ...(resolveTime === undefined ? {} : { resolveTime }), connectTime };
    };
    try {
      const addresses = await orAbort(this.#resolve(target, signal), signal);
      if (addresses !== undefined && !isAddress(hostname)) {
        timings.resolve = resolveTime = performance.now() - started;
      }
      const allowed = await orAbort(this.#permit(target, addresses), signal);
      const conn = await connectToFirst(
        allowed ?? [hostname],
        signal,
        (address, own) => dial({ hostname: address, port, timeout: 0, signal: own }),
      );
      const { connectTime } = told();
      timings.connect = connectTime;
      const { remoteAddr } = conn;
      const address = "hostname" in remoteAddr ? remoteAddr.hostname : undefined;
      this.#tell({ ...told(), connectTime, ...(address === undefined ? {} : { address }) });
      return conn;
    } catch (thrown) {
      if (signal.aborted && !(signal.reason instanceof Expired)) throw thrown;
      const error = signal.aborted
        ? new NetError(`Cannot connect to ${formatAddress(target)}: no connection in time`, {
          kind: "timeout",
          phase: "connect",
          address: formatAddress(target),
        })
        : toNetError(thrown, { phase: "connect", address: formatAddress(target) });
      this.#tell({ ...told(), error });
      throw error;
    }
  }

  /** Returns the addresses of a name; undefined if the system resolves it while connecting. */
  async #resolve(
    { hostname, port }: HostPort,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const { resolve, allow, publicOnly } = this.#rules;
    if (isAddress(hostname)) return [hostname];
    if (resolve === undefined && allow === undefined && !publicOnly) return undefined;
    try {
      const found = resolve === undefined
        ? (await resolveHost(hostname, port)).map(({ address }) => address)
        : await resolve(hostname, signal);
      const wrong = found.find((address) => !isAddress(address));
      if (wrong !== undefined) {
        throw new TypeError("resolve returned a value that is no IP address");
      }
      if (found.length === 0) throw new Error("there is no address");
      return found;
    } catch (cause) {
      if (resolve === undefined && (cause as { code?: unknown }).code === "EPERM") {
        throw notPermitted({ hostname, port }, cause);
      }
      const why = escapeControls(cause instanceof Error ? cause.message : String(cause));
      throw new NetError(`Cannot resolve ${escapeControls(hostname)}: ${why}`, {
        kind: "dns",
        phase: "resolve",
        cause,
      });
    }
  }

  /** Returns the addresses that the policy of the caller permits. */
  async #permit(
    target: HostPort,
    addresses: readonly string[] | undefined,
  ): Promise<readonly string[] | undefined> {
    const { allow, publicOnly = false } = this.#rules;
    if (addresses === undefined || (allow === undefined && !publicOnly)) return addresses;
    const permitted: string[] = [];
    let special = false;
    for (const one of addresses) {
      const address = plainAddress(one);
      if (publicOnly && !isGlobalAddress(address)) {
        special = true;
        continue;
      }
      if (allow === undefined || await allow({ ...target, address }) === true) {
        permitted.push(address);
      }
    }
    if (permitted.length > 0) return permitted;
    const address = formatAddress(target);
    const why = special ? "it is no public address" : "the policy of the client forbids it";
    throw new NetError(`Cannot connect to ${address}: ${why}`, {
      kind: "permission",
      phase: "connect",
      address,
    });
  }

  #tell(dial: HttpDial): void {
    try {
      this.#rules.onDial?.(dial);
    } catch (error) {
      reportError(error);
    }
  }

  async #secure(
    raw: Transport,
    serverName: string,
    settings: TlsClientSettings,
    signal: AbortSignal,
    timings: Timings,
  ): Promise<Dialed> {
    const started = performance.now();
    const conn = new Connection(raw);
    try {
      await upgradeTls(conn, { ...settings, serverName, handshakeTimeout: 0, signal });
    } catch (error) {
      throw withHint(error);
    }
    timings.tls = performance.now() - started;
    const { tls } = conn;
    return { transport: conn.detach().transport, raw, tls };
  }
}

/** Returns the error for a name that this program must not resolve. Node's error names no flag. */
function notPermitted(target: HostPort, cause: unknown): NetError {
  const address = formatAddress(target);
  const permission = `--allow-net=${address}`;
  const message = `Cannot resolve ${address}: permission is missing, run again with ${permission}`;
  return new NetError(message, {
    kind: "permission",
    phase: "resolve",
    address,
    permission,
    cause,
  });
}

/** Adds the option that helps if a server speaks only HTTP/2. */
function withHint(error: unknown): unknown {
  if (
    !(error instanceof NetError) || !error.message.includes("no application protocol in common")
  ) {
    return error;
  }
  const { kind, tls, address, phase, retryable } = error;
  return new NetError(`${error.message}; if the server speaks only HTTP/2, set http2: true`, {
    kind,
    phase,
    retryable,
    ...(tls === undefined ? {} : { tls }),
    ...(address === undefined ? {} : { address }),
    cause: error,
  });
}

/** Returns the settings of TLS to servers. */
function tlsSettings(options: HttpClientOptions): TlsClientSettings {
  const { caCerts, cert, key, pin, minVersion, inspectTls } = options;
  return {
    ...(caCerts === undefined ? {} : { caCerts }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(pin === undefined ? {} : { pin }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(inspectTls === undefined ? {} : { inspect: inspectTls }),
  };
}

/** Returns the rules for connecting, from the client's own options and from `dialer`. */
function dialRules(options: HttpClientOptions): HttpDialer {
  const { dialer, connectTimeout, resolve, allow, publicOnly } = options;
  return {
    ...(typeof dialer === "object" ? dialer : {}),
    ...(connectTimeout === undefined ? {} : { connectTimeout }),
    ...(resolve === undefined ? {} : { resolve }),
    ...(allow === undefined ? {} : { allow }),
    ...(publicOnly === undefined ? {} : { publicOnly }),
  };
}

/** Returns whether the options choose the addresses. A proxy would choose them itself. */
export function choosesAddresses(options: HttpClientOptions): boolean {
  const { resolve, allow, publicOnly = false, dialer } = options;
  return resolve !== undefined || allow !== undefined || publicOnly || dialer === true ||
    typeof dialer === "object";
}

/** Returns an address in its only spelling. An IPv4 address within an IPv6 address is IPv4. */
function plainAddress(address: string): string {
  const plain = normalizeHostname(address);
  const bytes = readAddressBytes(plain);
  return bytes === undefined ? plain : formatAddressBytes(bytes);
}

/** Returns whether a host is an IP address and not a name. */
function isAddress(hostname: string): boolean {
  return readAddressBytes(hostname) !== undefined;
}
