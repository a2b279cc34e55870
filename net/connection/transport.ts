/**
 * The raw duplex byte stream under a `Connection`. Every `Deno.Conn` is one, and so are the ends of
 * an in-memory pair.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Address } from "../address.ts";

export type { Address, MemoryAddr } from "../address.ts";

/** A raw duplex byte stream. Every `Deno.Conn` is one. */
export interface Transport {
  /** Reads at least one byte into `buffer`. Resolves to the number of bytes, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes at least one byte of `data`. Resolves to the number of bytes, which may be smaller. The
   * memory of `data` belongs to the caller again when the promise settles: a transport that needs the
   * bytes later copies them.
   */
  write(data: Uint8Array): Promise<number>;
  /** Ends the output to the peer. Reading stays possible. */
  closeWrite(): Promise<void>;
  /** Closes both directions at once. Pending reads and writes reject. */
  close(): void;
  /**
   * Ends the connection by a reset (RST; the ABORT call of RFC 9293 §3.10.5). The peer sees an error
   * instead of an orderly end. Over TLS, no close_notify is sent. Unsent data is lost, pending reads
   * and writes reject, and `close` need not be called. A transport without this method cannot be
   * reset.
   */
  reset?(): void;
  /** The address of this end. */
  readonly localAddr: Address;
  /** The address of the peer. */
  readonly remoteAddr: Address;
}

/** A version of TLS (RFC 5246, RFC 8446). */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** The result of a TLS handshake. */
export interface TlsInfo {
  /** The application protocol (ALPN, RFC 7301), or null if none was negotiated. */
  readonly alpnProtocol: string | null;
  /** The version of TLS. It is known with the option `inspect`, and whenever TLS runs on `node:tls`. */
  readonly version?: TlsVersion;
  /** The cipher suite, for example `TLS_AES_256_GCM_SHA384`. It is known if `version` is. */
  readonly cipher?: string;
  /** The name that the client requested (SNI). Servers know it if `version` is known. */
  readonly serverName?: string;
  /**
   * The verified certificate of the peer. Clients know it if `version` is known, servers if they
   * have requested a certificate and the client has sent one.
   */
  readonly peerCertificate?: PeerCertificate;
}

/** A verified certificate of a peer. */
export interface PeerCertificate {
  /** The common name of the subject, or an empty string. */
  readonly commonName: string;
  /**
   * The alternative names, for example `DNS:a.example, IP Address:127.0.0.1`, or an empty string. A name
   * with a comma, a quote, or characters beyond printable ASCII is quoted as in JSON.
   */
  readonly subjectAltName: string;
  /** The common name of the issuer. */
  readonly issuer: string;
  /** The start of the validity. */
  readonly notBefore: Date;
  /** The end of the validity. */
  readonly notAfter: Date;
  /** The SHA-256 fingerprint, for example `9F:86:…`. */
  readonly fingerprint: string;
  /** The serial number in hexadecimal digits. */
  readonly serialNumber: string;
}
