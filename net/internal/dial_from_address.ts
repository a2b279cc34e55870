/** Connects from a given local address, which `Deno.connect` does not support. */

import { formatAddress } from "../address.ts";
import { readAddressBytes } from "../address_block.ts";
import { NetError } from "../errors/errors.ts";
import type { Transport } from "../connection/transport.ts";
import { resolveHost } from "./resolve_host.ts";
import { connectToFirst } from "./happy_eyeballs.ts";
import { orAbort } from "./or_abort.ts";
import { pipeOf, ResetTransport } from "./reset_transport.ts";
import { SOCKET, systemError, type TcpHandle, type UvHandles, uvHandles } from "./uv_handles.ts";

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
    : (await orAbort(resolveHost(hostname, port), signal))
      .map(({ address }) => address)
      .filter((one) => readAddressBytes(one)?.length === size);
  if (addresses.length === 0) {
    const message = `Cannot connect from ${localAddress} to ${address}: it has no address ` +
      `of the same family`;
    throw new NetError(message, { kind: "unreachable", phase: "connect", address });
  }
  signal.throwIfAborted();
  return await connectToFirst(addresses, signal, (one, own) => dialOne(uv, one, options, own));
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
