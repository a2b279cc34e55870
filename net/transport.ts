/**
 * What a `Connection` stands on: the raw duplex byte stream that any
 * `Deno.Conn` already is, and that the in-memory pair makes without a network.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The address of an end of an in-memory pair. */
export interface MemoryAddr {
  /** Tells this address from those of sockets. */
  readonly transport: "memory";
  /** The name of the end, e.g. `a`. */
  readonly name: string;
}

/** The address of a connection's end. */
export type Address = Deno.Addr | MemoryAddr;

/** A raw duplex byte stream. Every `Deno.Conn` is one. */
export interface Transport {
  /** Reads at least one byte into `buffer`; resolves to their number, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes at least one byte of `data`; resolves to their number, which may be short. */
  write(data: Uint8Array): Promise<number>;
  /** Tells the peer that nothing more will be written; reading goes on. */
  closeWrite(): Promise<void>;
  /** Closes both directions at once; pending reads and writes reject. */
  close(): void;
  /** The address of this end. */
  readonly localAddr: Address;
  /** The address of the peer. */
  readonly remoteAddr: Address;
}

/** What a TLS handshake agreed on. */
export interface TlsInfo {
  /** The application protocol (ALPN, RFC 7301), or null if none was agreed on. */
  readonly alpnProtocol: string | null;
}
