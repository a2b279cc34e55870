/**
 * The options of TLS for `connectTls`, `serveTls`, and `upgradeTls` after STARTTLS.
 *
 * Clients use TLS of Deno if it supports the options. Otherwise they run on `node:tls`. The options
 * below state when. Servers run on `node:tls`. Both engines stand on rustls, and behave alike.
 *
 * **Permissions**: none. Reading certificate files requires `--allow-read=<file>`.
 *
 * @module
 */

import type { ConnectTcpOptions } from "../tcp/connect_options.ts";
import type { ServeTcpOptions } from "../tcp/server_options.ts";
import type { TlsVersion } from "../connection/transport.ts";

/** A certificate chain with its key, in memory or in files. */
export type TlsKeyPair =
  | {
    /** The chain in PEM. The server's own certificate comes first. */
    readonly cert: string;
    /** The private key of the first certificate in PEM (PKCS #8). */
    readonly key: string;
  }
  | {
    /** The path of the file with the chain in PEM. */
    readonly certFile: string;
    /** The path of the file with the private key in PEM. */
    readonly keyFile: string;
  };

/** Options of both sides of TLS. */
export interface TlsSettings {
  /**
   * The application protocols to offer, in order of preference (ALPN, RFC 7301).
   *
   * @default none
   */
  alpnProtocols?: string[];
  /**
   * The minimum version. "TLSv1.3" runs on `node:tls`.
   *
   * @default "TLSv1.2"
   */
  minVersion?: TlsVersion;
  /**
   * Whether `conn.tls` has the version, the cipher suite and the certificate of the peer, and on
   * servers the requested name. It runs on `node:tls`.
   *
   * @default false
   */
  inspect?: boolean;
  /**
   * The implementation of TLS. That of Deno sends about a quarter more small messages per CPU second.
   * After a failed handshake, it holds the file descriptor until the peer closes the connection, and
   * on servers it delays answers (see `noDelay`); `node:tls` does neither.
   *
   * @default "deno" for clients unless an option requires "node"; "node" for servers
   */
  engine?: "deno" | "node";
  /**
   * Time limit for the handshake in milliseconds; 0 for no limit.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
}

/** Options of the client side of TLS. */
export interface TlsClientSettings extends TlsSettings {
  /**
   * The name that the certificate must be valid for. It is sent to the server (SNI, RFC 6066 §3).
   *
   * @default the `hostname`
   */
  serverName?: string;
  /**
   * Certificates of additional trusted authorities in PEM. The self-signed certificate of a server is
   * one, too. If it is marked as that of an authority, as `openssl req -x509` makes it, TLS runs on
   * `node:tls`.
   *
   * @default none
   */
  caCerts?: string[];
  /**
   * The client certificate in PEM, for servers that request one. It requires `key`, and runs on
   * `node:tls`.
   */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). */
  key?: string;
  /**
   * The pins of the server, one of which must match. A pin is the SHA-256 of the public key
   * (`sha256/BASE64`, RFC 7469 §2.4; `sha256//BASE64`, as curl writes it), or the SHA-256 of the
   * certificate in hexadecimal digits, with or without colons.
   *
   * A matching pin identifies the server. It replaces the verification of the authority and of the
   * name, so it also works with a self-signed certificate. The certificate must not have expired. Only
   * the server's own certificate is compared, not those of authorities. It runs on `node:tls`.
   *
   * @default none; the authority and the name are verified
   */
  pin?: string | readonly string[];
}

/** Options of the server side of TLS. */
export interface TlsServerSettings extends TlsSettings {
  /** The certificate chain in PEM. The server's own certificate comes first. It requires `key`. */
  cert?: string;
  /** The private key of the first certificate in PEM (PKCS #8). */
  key?: string;
  /** The path of the file with the certificate chain, instead of `cert`. It requires `keyFile`. */
  certFile?: string;
  /** The path of the file with the private key, instead of `key`. */
  keyFile?: string;
  /**
   * Additional certificates. A client that requests a DNS name of one of them (SNI, RFC 6066 §3) gets
   * that certificate. Other clients get the default one above. It runs on `node:tls`.
   *
   * @default none
   */
  sni?: readonly TlsKeyPair[];
  /**
   * The policy for client certificates: they are required, optional ("request"), or not requested.
   * Each must be signed by an authority in `clientCa`. The handler finds the certificate in
   * `conn.tls.peerCertificate`. Policies other than "none" run on `node:tls`.
   *
   * With TLS 1.3, a client learns of the refusal when it reads. If it has shown no certificate, it gets
   * an alert; with a wrong certificate, its connection ends without one ("truncated"). The event
   * "handshake-error" of the server has the reason.
   *
   * @default "none"
   */
  clientAuth?: "none" | "request" | "require";
  /**
   * Certificates of the authorities that sign client certificates, in PEM. `clientAuth` requires
   * them.
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
   * Whether small writes are sent at once (TCP_NODELAY). TLS of Deno does not support this on
   * servers: the bytes after the first write or the first record (16 KiB) of an answer wait for the
   * acknowledgement of the client, which takes 44 ms on Linux. On loopback this concerns answers of
   * 16 to 80 KiB and answers in several writes, so write short answers at once.
   *
   * @default true; false with `engine: "deno"`
   */
  noDelay?: boolean;
  /**
   * Interval in milliseconds at which the server checks certificate files for changes; 0 for no
   * checks. The option enables `reloadTls()`. Open connections do not change. It runs on `node:tls`.
   *
   * @default no reloading
   */
  reloadInterval?: number;
}
