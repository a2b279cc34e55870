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
  /**
   * Ends the connection by a reset (RST; the ABORT call of RFC 9293 §3.10.5), so that the peer sees an error and not
   * an orderly end; over TLS, also without a close_notify. What has not been sent is lost, pending
   * reads and writes reject, and nothing is left to close. Without this method the connection
   * cannot be reset.
   */
  reset?(): void;
  /** The address of this end. */
  readonly localAddr: Address;
  /** The address of the peer. */
  readonly remoteAddr: Address;
}

/** A version of TLS: RFC 5246, RFC 8446. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** What a TLS handshake agreed on. */
export interface TlsInfo {
  /** The application protocol (ALPN, RFC 7301), or null if none was agreed on. */
  readonly alpnProtocol: string | null;
  /** The version; only where the options ask for it by `inspect`, or TLS runs on `node:tls` anyway. */
  readonly version?: TlsVersion;
  /** The cipher suite, e.g. `TLS_AES_256_GCM_SHA384`; where `version` is known. */
  readonly cipher?: string;
  /** The name that the client asked for (SNI); on the server, where `version` is known. */
  readonly serverName?: string;
  /**
   * The peer's certificate, verified: on the client where `version` is known, on the server
   * where it asked for one and got it.
   */
  readonly peerCertificate?: PeerCertificate;
}

/** A certificate that a peer has shown and that was verified. */
export interface PeerCertificate {
  /** The common name of its subject, or an empty text. */
  readonly commonName: string;
  /** Its names, e.g. `DNS:a.example, IP Address:127.0.0.1`, or an empty text. */
  readonly subjectAltName: string;
  /** The common name of who has signed it. */
  readonly issuer: string;
  /** The first moment of its validity. */
  readonly notBefore: Date;
  /** The last moment of its validity. */
  readonly notAfter: Date;
  /** Its SHA-256 fingerprint, e.g. `9F:86:…`. */
  readonly fingerprint: string;
  /** Its serial number in hexadecimal digits. */
  readonly serialNumber: string;
}
