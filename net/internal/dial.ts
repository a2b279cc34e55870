import { formatAddress } from "../address.ts";
import { readAddressBytes } from "../address_block.ts";
import type { ConnectOptions, ConnectTcpOptions } from "../tcp/connect_options.ts";
import { NetError, type NetErrorKind, toNetError } from "../errors/errors.ts";
import { retry, type RetryOptions } from "../retry.ts";
import type { Transport } from "../connection/transport.ts";
import { addressesOf } from "./resolve_host.ts";
import { Alarm } from "./timer.ts";
import { tried } from "./tried_text.ts";
import { connectByDeno } from "./connect_by_deno.ts";
import { CONNECTION } from "./connection_limits.ts";
import { dialFrom } from "./dial_from_address.ts";
import { hostName, ipAddress } from "./host_rules.ts";
import { flag, group, milliseconds, OptionRules, port, required, signal } from "./options.ts";
import { RETRY_RULES } from "./retry_rules.ts";

export { closeQuietly } from "./close_quietly.ts";

/** The rules for the options of all clients. */
export const CONNECT = new OptionRules<ConnectOptions>({
  ...CONNECTION.rules,
  timeout: milliseconds,
  signal,
  retry: group(new OptionRules<RetryOptions>(RETRY_RULES)),
});

/** The rules for the options of `connectTcp`. */
export const CONNECT_TCP = new OptionRules<ConnectTcpOptions>({
  ...CONNECT.rules,
  hostname: hostName,
  port: required(port),
  localAddress: ipAddress,
  noDelay: flag,
  keepAlive: flag,
  resetOnAbort: flag,
});

/** Throws if both addresses are not of one family. */
export function checkFamilies({ localAddress, hostname }: ConnectTcpOptions): void {
  const local = localAddress === undefined ? undefined : readAddressBytes(localAddress);
  const remote = readAddressBytes(hostname ?? "127.0.0.1");
  if (local === undefined || remote === undefined || remote.length === local.length) return;
  throw new TypeError(
    `Cannot connect from ${localAddress} to ${hostname}: one is IPv4, the other IPv6`,
  );
}

/** Opens one TCP connection within its time limit. */
export async function dial(options: ConnectTcpOptions): Promise<Transport> {
  const { hostname = "127.0.0.1", port, timeout = 10_000, signal, localAddress } = options;
  const { noDelay = true, keepAlive = true } = options;
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal!.reason);
  const late = `no answer in ${timeout} ms`;
  const alarm = new Alarm(() => stop.abort(late));
  if (timeout > 0) alarm.start(timeout);
  signal?.addEventListener("abort", onAbort);
  try {
    const conn = localAddress === undefined
      ? await connectByDeno(hostname, port, stop.signal)
      : await dialFrom({
        hostname,
        port,
        localAddress,
        noDelay,
        keepAlive,
        signal: stop.signal,
      });
    if (stop.signal.aborted) {
      conn.close();
      throw stop.signal.reason;
    }
    if (!isTcp(conn)) return conn;
    try {
      conn.setNoDelay(noDelay);
      conn.setKeepAlive(keepAlive);
    } catch { /* The peer is gone already. The first read reports it. */ }
    return conn;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const failure = await failed(error, stop.signal.aborted ? late : undefined, options);
    if (signal?.aborted) throw signal.reason;
    throw failure;
  } finally {
    alarm.stop();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Kinds of failures that can happen at each address of a host. */
const AT_EACH: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "refused",
  "timeout",
  "unreachable",
]);

/** Returns the error for a failed attempt, with all tried addresses. `late` is set after a timeout. */
async function failed(
  error: unknown,
  late: string | undefined,
  { hostname = "127.0.0.1", port, signal, localAddress }: ConnectTcpOptions,
): Promise<NetError> {
  const context = { phase: "connect", hostname, port } as const;
  const plain = toNetError(error, context);
  if (late === undefined && !AT_EACH.has(plain.kind)) return plain;
  const addresses = (await addressesOf(hostname, port, signal))
    ?.filter((one) => localAddress === undefined || sameFamily(one, localAddress));
  if (late === undefined) return addresses ? toNetError(error, { ...context, addresses }) : plain;
  const address = formatAddress({ hostname, port });
  const message = `Cannot connect to ${address}: ${late}${tried(addresses)}`;
  return new NetError(message, { kind: "timeout", phase: "connect", address, addresses });
}

function sameFamily(one: string, other: string): boolean {
  return one.startsWith("[") === other.includes(":");
}

/** Runs one attempt, or several with the option `retry`. */
export function dialWithRetry<T, O extends ConnectOptions>(
  options: O,
  attempt: (options: O) => Promise<T>,
): Promise<T> {
  if (options.retry === undefined) return attempt(options);
  const signals = [options.signal, options.retry.signal].filter((signal) => signal !== undefined);
  return retry(({ signal }) => attempt({ ...options, signal }), {
    ...options.retry,
    signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
  });
}

/** Returns whether a transport is a TCP connection of Deno without TLS. */
export function isTcp(transport: object): transport is Deno.TcpConn {
  return "setNoDelay" in transport;
}
