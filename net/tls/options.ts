/**
 * What both ends of TLS take: `connectTls`, `serveTls`, and `upgradeTls` after STARTTLS.
 *
 * Deno's own TLS is used where it can do what the options ask for. What it
 * cannot is done by `node:tls`, at about half the speed; the options below say when.
 *
 * **Permissions**: none; files are read under `--allow-read=<file>`.
 *
 * @module
 */

import type { ConnectTcpOptions } from "../tcp/connect_options.ts";
import type { ServeTcpOptions } from "../tcp/server_options.ts";
import type { TlsVersion } from "../connection/transport.ts";

/** A certificate chain with its key, in memory or in files. */
export type TlsKeyPair =
  | {
    /** The chain in PEM, the server's own certificate first. */
    readonly cert: string;
    /** The private key of the first certificate in PEM (PKCS #8). */
    readonly key: string;
  }
  | {
    /** The file with the chain in PEM. */
    readonly certFile: string;
    /** The file with the private key in PEM. */
    readonly keyFile: string;
  };

/** What both ends may ask for. */
export interface TlsSettings {
  /**
   * The application protocols to offer, the preferred one first (RFC 7301).
   *
   * @default none
   */
  alpnProtocols?: string[];
  /**
   * The oldest version to agree on. "TLSv1.3" runs on `node:tls`.
   *
   * @default "TLSv1.2"
   */
  minVersion?: TlsVersion;
  /**
   * Whether `conn.tls` shall tell version, cipher and the peer's certificate,
   * on the server the name asked for too. Runs on `node:tls`.
   *
   * @default false
   */
  inspect?: boolean;
  /**
   * Whose TLS is used. Deno's own is about twice as fast, but holds the descriptor of a
   * handshake that was given up or refused until the peer leaves; `node:tls` closes it.
   *
   * @default "deno"; "node" for a server beyond loopback, and where an option runs on `node:tls`
   */
  engine?: "deno" | "node";
  /**
   * How long the handshake may take, in milliseconds; 0 for ever.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
}

/** The client's side of TLS. */
export interface TlsClientSettings extends TlsSettings {
  /**
   * The name that the certificate has to bear, and that is sent as SNI (RFC 6066 §3).
   *
   * @default the `hostname`
   */
  serverName?: string;
  /** Certificates in PEM that are trusted besides the usual authorities. */
  caCerts?: string[];
  /**
   * The certificate to show if the server asks for one, in PEM; together with `key`.
   * Runs on `node:tls`.
   */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). */
  key?: string;
}

/** The server's side of TLS. */
export interface TlsServerSettings extends TlsSettings {
  /** The certificate chain in PEM, the server's own certificate first; together with `key`. */
  cert?: string;
  /** The private key of the first certificate in PEM (PKCS #8). */
  key?: string;
  /** The file with the certificate chain, instead of `cert`; together with `keyFile`. */
  certFile?: string;
  /** The file with the private key, instead of `key`. */
  keyFile?: string;
  /**
   * More certificates, each for the DNS names that it bears: a client that asks
   * for one of these (SNI, RFC 6066 §3) is shown that certificate, every other
   * client the one above. Runs on `node:tls`.
   *
   * @default none
   */
  sni?: readonly TlsKeyPair[];
  /**
   * Whether clients have to show a certificate ("require"), may do so
   * ("request"), or are not asked. What they show has to be signed by one of
   * `clientCa`; the handler finds it in `conn.tls.peerCertificate`.
   * Runs on `node:tls` unless it is "none".
   *
   * @default "none"
   */
  clientAuth?: "none" | "request" | "require";
  /**
   * The authorities that sign clients' certificates, in PEM. Needed with `clientAuth`.
   *
   * @default none
   */
  clientCa?: string[];
}

/** Options of `connectTls`. */
export interface ConnectTlsOptions extends ConnectTcpOptions, TlsClientSettings {}

/** Options of `serveTls`. */
export interface ServeTlsOptions extends ServeTcpOptions, TlsServerSettings {
  /**
   * Whether small writes go out at once (TCP_NODELAY). Deno's own TLS cannot do
   * that for a server: what follows the first write or the first record (16 KiB) of
   * an answer waits for the client's acknowledgement, 44 ms on Linux. On loopback
   * that hits answers of more than 16 KiB and less than 80 KiB, and all of several
   * writes; so write short answers in one piece. `true` runs on `node:tls`, which can.
   *
   * @default false, unless TLS runs on `node:tls` anyway
   */
  noDelay?: boolean;
  /**
   * Makes `reloadTls()` work, and looks at the certificates' files for changes
   * as often as this, in milliseconds; 0 never looks by itself. Connections
   * that are open stay as they are. Runs on `node:tls`.
   *
   * @default no reloading
   */
  reloadInterval?: number;
}
