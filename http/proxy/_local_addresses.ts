import { optionError } from "../../net/internal/options.ts";
import { readAddressBytes } from "../../net/address_block.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import type { Transport } from "../../net/connection/transport.ts";

/** The local addresses of outgoing connections, at most one of each family. */
export class LocalAddresses {
  /** The addresses by their number of bytes. */
  readonly #byFamily = new Map<number, string>();

  /**
   * Reads an option.
   *
   * @param option The name of the option, for messages.
   * @param addresses One address, or one of each family.
   */
  constructor(option: string, addresses: string | readonly string[]) {
    const all = typeof addresses === "string" ? [addresses] : addresses;
    for (const address of all) {
      const family = readAddressBytes(address)?.length;
      if (family === undefined) {
        throw optionError(option, "an IP address, or one of each family", address);
      }
      if (this.#byFamily.has(family)) {
        throw new TypeError(`${option} must have at most one address of each family`);
      }
      this.#byFamily.set(family, address);
    }
    if (all.length === 0) throw new TypeError(`${option} must have at least one address`);
  }

  /** Returns the addresses whose family has a local address. */
  reachable(addresses: readonly string[]): string[] {
    return addresses.filter((address) => this.#from(address) !== undefined);
  }

  /** Connects to a reachable address. */
  async connect(hostname: string, port: number, signal: AbortSignal): Promise<Transport> {
    const localAddress = this.#from(hostname)!;
    const connection = await connectTcp({ hostname, port, localAddress, timeout: 0, signal });
    return connection.detach().transport;
  }

  #from(address: string): string | undefined {
    return this.#byFamily.get(readAddressBytes(address)?.length ?? 0);
  }
}
