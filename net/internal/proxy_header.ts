/** Reads the PROXY header of an accepted connection, before anything else does. */

import { formatAddress } from "../address.ts";
import { AddressBlocks } from "../address_block.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { decodeProxyHeader, type ProxyHeader } from "../proxy_protocol_codec.ts";
import type { ProxyProtocolOptions } from "../tcp/server_options.ts";
import type { Address, Transport } from "../connection/transport.ts";
import { withDeadline } from "./deadline.ts";
import { milliseconds, optionError, OptionRules, required } from "./options.ts";
import type { LayeredTransport } from "../connection/resettable.ts";

/** The checked options of the PROXY protocol. */
export interface ProxyProtocol {
  /** The peers that must send a header. */
  readonly trusted: AddressBlocks;
  /** Time limit for the header in milliseconds; 0 for no limit. */
  readonly timeout: number;
}

/** The rules for the option `proxyProtocol`. */
export const PROXY_PROTOCOL = new OptionRules<ProxyProtocolOptions>({
  trusted: required((name, value) => {
    if (!Array.isArray(value) || value.length === 0) {
      throw optionError(name, "an array of at least one address or CIDR block", value);
    }
    new AddressBlocks(value, name);
  }),
  timeout: milliseconds,
});

/** Returns the options with their defaults, or undefined without the PROXY protocol. */
export function readProxyProtocol(
  options: ProxyProtocolOptions | undefined,
): ProxyProtocol | undefined {
  if (options === undefined) return undefined;
  const { trusted, timeout = 5000 } = options;
  return { trusted: new AddressBlocks(trusted, "proxyProtocol.trusted"), timeout };
}

/** A connection whose header has been read. */
export interface Introduced {
  readonly header: ProxyHeader;
  /** The connection after the header. Its remote address is that of the client, if it is known. */
  readonly transport: Transport;
}

/** Initial size of the buffer in bytes. Most headers fit. */
const FIRST = 512;

/**
 * Reads the header of a connection.
 *
 * @throws {NetError} Of kind "protocol" if the header is malformed, and "timeout", "truncated" or
 * "reset" if it does not arrive. The connection stays open.
 */
export async function readProxyHeader(raw: Transport, timeout: number): Promise<Introduced> {
  const address = formatAddress(raw.remoteAddr);
  const late = () =>
    new NetError(`The PROXY header of ${address} did not come within ${timeout} ms`, {
      kind: "timeout",
      phase: "handshake",
      address,
    });
  try {
    return await withDeadline(introduce(raw), timeout, late);
  } catch (error) {
    const failure = toNetError(error, { phase: "handshake", address });
    if (failure.address !== undefined) throw failure;
    const { kind, phase, message } = failure;
    throw new NetError(`${message} (from ${address})`, { kind, phase, address, cause: failure });
  }
}

async function introduce(raw: Transport): Promise<Introduced> {
  let buffer = new Uint8Array(FIRST);
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(buffer);
      buffer = larger;
    }
    const size = await raw.read(buffer.subarray(length));
    if (size === null) {
      throw new NetError("The connection ended before its PROXY header was complete", {
        kind: "truncated",
        phase: "handshake",
      });
    }
    length += size;
    const decoded = decodeProxyHeader(buffer.subarray(0, length));
    if (decoded === undefined) continue;
    const { header } = decoded;
    const { source } = header;
    const remoteAddr: Address = source === undefined
      ? raw.remoteAddr
      : { transport: "tcp", ...source };
    const rest = buffer.subarray(decoded.size, length);
    return { header, transport: new IntroducedTransport(raw, remoteAddr, rest) };
  }
}

/** A connection after its header. It first returns the bytes that arrived with the header. */
class IntroducedTransport implements LayeredTransport {
  readonly remoteAddr: Address;
  #raw: Transport;
  #rest: Uint8Array | undefined;

  constructor(raw: Transport, remoteAddr: Address, rest: Uint8Array) {
    this.#raw = raw;
    this.remoteAddr = remoteAddr;
    this.#rest = rest.length > 0 ? rest : undefined;
  }

  get localAddr(): Address {
    return this.#raw.localAddr;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const rest = this.#rest;
    if (rest === undefined) return this.#raw.read(buffer);
    const size = Math.min(rest.length, buffer.length);
    buffer.set(rest.subarray(0, size));
    this.#rest = size < rest.length ? rest.subarray(size) : undefined;
    return Promise.resolve(size);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#raw.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#raw.closeWrite();
  }

  close(): void {
    this.#rest = undefined;
    this.#raw.close();
  }

  get reset(): (() => void) | undefined {
    const raw = this.#raw;
    return raw.reset && (() => raw.reset!());
  }

  replaceBelow(replace: (below: Transport) => Transport): void {
    this.#raw = replace(this.#raw);
  }
}
