/**
 * Opens a connection to a target through a proxy: by CONNECT (RFC 9110 §9.3.6) through a proxy of
 * `http:` or `https:`, or by SOCKS 5 (RFC 1928).
 *
 * The result leads to the target, as if it had been opened by `connectTcp`. For TLS to the target, call
 * `upgradeTls` with it. Every step shares one time limit.
 *
 * @module
 */

import { formatAddress, type HostPort } from "../../net/address.ts";
import { readAddressBytes } from "../../net/address_block.ts";
import type { Connection } from "../../net/connection/connection.ts";
import type { ConnectionOptions } from "../../net/connection/options.ts";
import { NetError, type NetErrorOptions, toNetError } from "../../net/errors/errors.ts";
import { orAbort } from "../../net/internal/or_abort.ts";
import { resolveHost } from "../../net/internal/resolve_host.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { SocksHandshake } from "../../net/socks_codec.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { connectTls } from "../../net/tls/client.ts";
import { Http1Error } from "../http1/codec.ts";
import { AnswerReader } from "./answer_reader.ts";
import type { ProxyServer } from "./proxy_server.ts";

/** Options of {@linkcode openTunnel}. */
export interface TunnelOptions {
  /** Cancels the attempt, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit in milliseconds for everything up to the proxy's answer; 0 for none. @default 10000 */
  readonly timeout?: number;
  /** The limits of the connection. @default those of `connectTcp` */
  readonly connection?: ConnectionOptions;
  /** Authorities for the certificate of an `https:` proxy that has none of its own. @default none */
  readonly caCerts?: readonly string[] | undefined;
  /** Returns the addresses of a target, for a proxy of `socks5:`. @default the system's resolver */
  readonly resolve?: (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;
}

/** A proxy that has answered CONNECT with another status than 2xx. */
export class TunnelError extends NetError {
  /** The name of the class. */
  override readonly name: string = "TunnelError";

  /**
   * Makes an error.
   *
   * @param message A sentence with the status.
   * @param status The status of the proxy; 407 if it wants a login.
   * @param body The beginning of its answer, up to 1 KiB. It is not escaped.
   * @param address The address of the target.
   */
  constructor(message: string, readonly status: number, readonly body: string, address: string) {
    super(message, {
      kind: "reply",
      phase: "connect",
      address,
      code: `${status}`,
      retryable: TEMPORARY.has(status),
    });
  }
}

/** Statuses after which the same request may succeed. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
/**
 * Opens a connection to a target through a proxy.
 *
 * @param proxy The proxy, and the login for it.
 * @param target The host and port to reach.
 * @param options The time limit, the signal, and the limits of the connection.
 * @returns The connection to the target. Bytes that came right behind the proxy's answer are read first.
 * @throws {TunnelError} If an HTTP proxy refuses.
 * @throws {NetError} As `connectTcp` and `connectTls` for the proxy; "timeout"; "protocol" for an answer
 * that is malformed; the kinds of `SocksHandshake` for a SOCKS server.
 */
export async function openTunnel(
  proxy: ProxyServer,
  target: HostPort,
  options: TunnelOptions = {},
): Promise<Connection> {
  const { timeout = 10_000, signal } = options;
  signal?.throwIfAborted();
  const stop = new AbortController();
  const address = formatAddress(target);
  const onAbort = () => stop.abort(signal!.reason);
  const alarm = new Alarm(() => stop.abort(late(proxy, address, timeout)));
  if (timeout > 0) alarm.start(timeout);
  signal?.addEventListener("abort", onAbort);
  let conn: Connection | undefined;
  try {
    conn = await connectToProxy(proxy, address, options, stop.signal);
    await enter(conn, proxy, target, options, stop.signal);
    stop.signal.throwIfAborted();
    return conn;
  } catch (error) {
    conn?.abort(error);
    throw error;
  } finally {
    alarm.stop();
    signal?.removeEventListener("abort", onAbort);
  }
}

async function connectToProxy(
  proxy: ProxyServer,
  target: string,
  { connection, caCerts }: TunnelOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const { hostname, port } = proxy;
  // The signal has the time limit of everything.
  const dialling = { ...connection, hostname, port, timeout: 0, signal };
  const trusted = proxy.caCerts ?? caCerts;
  try {
    if (proxy.protocol !== "https") return await connectTcp(dialling);
    return await connectTls({
      ...dialling,
      handshakeTimeout: 0,
      ...trusted && { caCerts: [...trusted] },
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw proxyNotReached(error, proxy, target);
  }
}

/**
 * Returns the error for a proxy that cannot be reached.
 *
 * @param error The error of the connection to the proxy.
 * @param proxy The proxy that the connection was for.
 * @param target The address that was to be reached through the proxy.
 * @returns An error of the same kind that names both.
 */
export function proxyNotReached(
  error: unknown,
  { hostname, port, shown }: ProxyServer,
  target: string,
): NetError {
  const known = toNetError(error, { phase: "connect", hostname, port });
  const why = known.message.replace(/^Cannot connect to \S+: /, "");
  return throughError(shown, target, why, { ...fieldsOf(known), cause: error });
}

function enter(
  conn: Connection,
  proxy: ProxyServer,
  target: HostPort,
  options: TunnelOptions,
  signal: AbortSignal,
): Promise<void> {
  return proxy.protocol.startsWith("socks")
    ? enterSocks(conn, proxy, target, options, signal)
    : enterHttp(conn, proxy, formatAddress(target), signal);
}

async function enterHttp(
  conn: Connection,
  proxy: ProxyServer,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const reader = new AnswerReader(conn, "CONNECT", signal);
  const login = proxy.authorization === undefined
    ? ""
    : `Proxy-Authorization: ${proxy.authorization}\r\n`;
  try {
    await orAbort(
      conn.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login}\r\n`),
      signal,
    );
    const { status, reason } = await reader.head();
    // A tunnel has no other protocol in it yet.
    if (status < 200) throw new Http1Error("The response is 101");
    if (status >= 300) {
      throw refusal(proxy, target, status, reason, await reader.beginning());
    }
    reader.release();
  } catch (error) {
    throw explain(error, proxy, target, signal);
  }
}

async function enterSocks(
  conn: Connection,
  proxy: ProxyServer,
  target: HostPort,
  options: TunnelOptions,
  signal: AbortSignal,
): Promise<void> {
  const address = formatAddress(target);
  try {
    const hostname = proxy.protocol === "socks5h"
      ? target.hostname
      : await resolved(target, options.resolve, signal);
    const socks = new SocksHandshake({ hostname, port: target.port }, proxy.login);
    await orAbort(conn.write(socks.start()), signal);
    while (!socks.connected) {
      for (const event of socks.push(await conn.readExact(socks.missing, { signal }))) {
        if (event.kind === "send") await orAbort(conn.write(event.bytes), signal);
      }
    }
  } catch (error) {
    throw explain(error, proxy, address, signal);
  }
}

/** Resolves the name of a target for a proxy of `socks5:`. */
async function resolved(
  { hostname, port }: HostPort,
  resolve: TunnelOptions["resolve"],
  signal: AbortSignal,
): Promise<string> {
  if (readAddressBytes(hostname) !== undefined) return hostname;
  const [first] = await orAbort(
    resolve?.(hostname, signal) ??
      resolveHost(hostname, port).then((found) => found.map(({ address }) => address)),
    signal,
  );
  if (first !== undefined) return first;
  throw new NetError(`Cannot resolve ${hostname}: there is no address`, { kind: "dns" });
}

/** Returns the error for a failure between the proxy's connection and its answer. */
function explain(
  error: unknown,
  { shown }: ProxyServer,
  target: string,
  signal: AbortSignal,
): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof TunnelError) return error;
  if (error instanceof Http1Error) {
    const why = error.truncated
      ? "the proxy ended without an answer"
      : `it sent no proper answer (${error.message})`;
    const kind = error.truncated ? "truncated" : "protocol";
    return throughError(shown, target, why, { kind, phase: "connect", cause: error });
  }
  const known = toNetError(error, { phase: "connect", address: target });
  // Words of the SOCKS codec, which does not know the proxy and the target.
  const why = known.message.replace(/^Cannot connect through the SOCKS server: /, "");
  return throughError(shown, target, why, { ...fieldsOf(known), cause: error });
}

function refusal(
  { shown }: ProxyServer,
  target: string,
  status: number,
  reason: string,
  body: string,
): TunnelError {
  const said = `${status} ${reason.slice(0, 100)}`.trim();
  const hint = status === 407 ? "; it wants a login, or another one" : "";
  const message = `Cannot connect to ${target}: the proxy ${shown} answered ${said}${hint}`;
  return new TunnelError(message, status, body, target);
}

function throughError(
  shown: string,
  target: string,
  why: string,
  fields: NetErrorOptions,
): NetError {
  return new NetError(`Cannot connect to ${target} through the proxy ${shown}: ${why}`, {
    ...fields,
    phase: "connect",
    address: target,
  });
}

function fieldsOf(
  { kind, code, tls, permission, retryable }: NetError,
): NetErrorOptions {
  return {
    kind,
    retryable,
    ...code !== undefined && { code },
    ...tls !== undefined && { tls },
    ...permission !== undefined && { permission },
  };
}

function late({ shown }: ProxyServer, target: string, timeout: number): NetError {
  return throughError(shown, target, `no answer in ${timeout} ms`, { kind: "timeout" });
}
