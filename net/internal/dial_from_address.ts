/** Connects from a given local address, which `Deno.connect` does not support. */

import { formatAddress } from "../address.ts";
import { readAddressBytes } from "../address_block.ts";
import { NetError } from "../errors/errors.ts";
import type { Transport } from "../connection/transport.ts";
import { resolveHost } from "./resolve_host.ts";
import { withDeadline } from "./deadline.ts";
import { pipeOf, ResetTransport } from "./reset_transport.ts";
import { SOCKET, systemError, type TcpHandle, type UvHandles, uvHandles } from "./uv_handles.ts";

/** Time in milliseconds until the next address is tried, too (RFC 8305 §5). */
const STAGGER = 250;

/** The addresses and socket options of a connection. */
export interface DialFromOptions {
  readonly hostname: string;
  readonly port: number;
  readonly localAddress: string;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly signal: AbortSignal;
}

/** Opens one TCP connection. The addresses of a name are tried as `Deno.connect` tries them. */
export async function dialFrom(options: DialFromOptions): Promise<Transport> {
  const uv = uvHandles();
  const { hostname, port, localAddress, signal } = options;
  const address = formatAddress({ hostname, port });
  if (uv === null) {
    const message = `Cannot connect from ${localAddress}: this system does not support it`;
    throw new NetError(message, { kind: "unsupported", phase: "connect", address });
  }
  const size = readAddressBytes(localAddress)!.length;
  const addresses = readAddressBytes(hostname) !== undefined
    ? [hostname]
    : (await withDeadline(resolveHost(hostname, port), 0, () => signal.reason, signal))
      .map(({ address }) => address)
      .filter((one) => readAddressBytes(one)?.length === size);
  if (addresses.length === 0) {
    const message = `Cannot connect from ${localAddress} to ${address}: it has no address ` +
      `of the same family`;
    throw new NetError(message, { kind: "unreachable", phase: "connect", address });
  }
  signal.throwIfAborted();
  return await firstOf(addresses, signal, (one, signal) => dialOne(uv, one, options, signal));
}

/** Returns the first open connection. The next address is tried when one fails or is slow. */
async function firstOf(
  addresses: readonly string[],
  signal: AbortSignal,
  dial: (address: string, signal: AbortSignal) => Promise<Transport>,
): Promise<Transport> {
  if (addresses.length === 1) return await dial(addresses[0]!, signal);
  const stop = new AbortController();
  const turns = addresses.map(() => Promise.withResolvers<void>());
  const timers = turns.map(({ resolve }, index) => setTimeout(resolve, index * STAGGER));
  const onAbort = () => {
    stop.abort(signal.reason);
    for (const { resolve } of turns) resolve();
  };
  signal.addEventListener("abort", onAbort);
  let first: Transport | undefined;
  const attempts = addresses.map(async (address, index) => {
    await turns[index]!.promise;
    try {
      const transport = await dial(address, stop.signal);
      // Two connections may open at the same time.
      if (first !== undefined) transport.close();
      return first ??= transport;
    } catch (error) {
      turns[index + 1]?.resolve();
      throw error;
    }
  });
  try {
    return await Promise.any(attempts);
  } catch (error) {
    signal.throwIfAborted();
    throw (error as AggregateError).errors[0];
  } finally {
    timers.forEach(clearTimeout);
    signal.removeEventListener("abort", onAbort);
    stop.abort();
  }
}

/** Connects to one address. */
function dialOne(
  uv: UvHandles,
  hostname: string,
  { port, localAddress, noDelay, keepAlive }: DialFromOptions,
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const tcp = new uv.Tcp(SOCKET);
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", onAbort);
      tcp.close();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    try {
      const family = localAddress.includes(":") ? "bind6" : "bind";
      if (tcp[family](localAddress, 0, 0) !== 0) return fail(noSuchAddress(localAddress));
      const oncomplete = (status: number) => {
        if (signal.aborted) return;
        if (status !== 0) return fail(systemError(status, "connect"));
        signal.removeEventListener("abort", onAbort);
        if (noDelay) tcp.setNoDelay(true);
        if (keepAlive) tcp.setKeepAlive(true, 0);
        try {
          resolve(transportOf(uv, tcp, { transport: "tcp", hostname, port }));
        } catch (error) {
          reject(error);
        }
      };
      const status = tcp.connect({ oncomplete }, hostname, port);
      if (status !== 0) return fail(systemError(status, "connect"));
    } catch (error) {
      // A permission is missing.
      return fail(error);
    }
    signal.addEventListener("abort", onAbort);
  });
}

/** Returns the transport for a connected socket. */
function transportOf(uv: UvHandles, tcp: TcpHandle, remoteAddr: Deno.NetAddr): Transport {
  const local = { address: "", port: 0 };
  tcp.getsockname(local);
  const localAddr: Deno.NetAddr = {
    transport: "tcp",
    hostname: local.address,
    port: local.port,
  };
  const io = pipeOf(uv, tcp);
  if (io !== undefined) return new ResetTransport(uv, io, { localAddr, remoteAddr });
  // Duplicating a descriptor fails for this reason only.
  throw Object.assign(new Error("Too many open files"), { code: "EMFILE" });
}

/** Returns the error for an address that cannot be bound. Deno reports only EINVAL. */
function noSuchAddress(localAddress: string): NetError {
  const message = `Cannot connect from ${localAddress}: this machine has no such address`;
  return new NetError(message, {
    kind: "address-unavailable",
    phase: "connect",
    address: localAddress,
  });
}
