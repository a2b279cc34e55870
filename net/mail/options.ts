/**
 * Options that the clients of FTP, SMTP, POP3 and IMAP share, and login credentials.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { TlsVersion } from "../connection/transport.ts";

/** One line that a client and a server exchanged. */
export interface TraceLine {
  /** The side that sent the line. */
  readonly from: "client" | "server";
  /** The text of the line. Control characters are escaped, and secrets are shown as `***`. */
  readonly text: string;
}

/** Options of all these clients. All times are in milliseconds; 0 lifts a limit. */
export interface MailClientOptions {
  /**
   * The host name or IP address of the server.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /** The port of the server. @default the registered port for the protocol and for `tls` */
  port?: number;
  /**
   * The moment at which the connection is encrypted: from the first byte ("implicit"), by STARTTLS
   * before anything else is sent ("starttls"), or not at all ("none"). The client never falls back to
   * plain text.
   *
   * @default "implicit" for POP3 and IMAP, "starttls" for SMTP and FTP
   */
  tls?: "implicit" | "starttls" | "none";
  /** The name that the certificate of the server must have. @default hostname */
  serverName?: string;
  /** Certificate authorities to trust besides those of the system, in PEM. @default none */
  caCerts?: string[];
  /** The client certificate in PEM, for servers that request one. It requires `key`. */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). */
  key?: string;
  /**
   * The pins of the server, one of which must match: `sha256/` and the SHA-256 of its public key in
   * Base64, or the SHA-256 of its certificate in hexadecimal digits. A matching pin replaces the
   * verification of the authority and of the name. See `pin` of `connectTls`.
   *
   * @default none; the authority and the name are verified
   */
  pin?: string | readonly string[];
  /** The minimum version of TLS. @default "TLSv1.2" */
  minVersion?: TlsVersion;
  /**
   * Time limit for connecting, and the same again for the TLS handshake.
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * Time limit for a reply, and for each wait within a transfer.
   *
   * @default 30000
   */
  timeout?: number;
  /**
   * Time without a command after which the client sends NOOP, so that the server does not end an idle
   * session; 0 turns this off. The timer does not keep the process alive.
   *
   * @default 0
   */
  keepAlive?: number;
  /**
   * Whether a password may be sent over a connection that is not encrypted. The same applies to access
   * tokens, and to CRAM-MD5 and APOP, because a listener can compute the password from their hashes.
   *
   * @default false
   */
  allowPlaintextLogin?: boolean;
  /** Aborts the session at any time. Calls that wait reject with the signal's reason. */
  signal?: AbortSignal;
  /** Called with each line that is sent or received; secrets are masked. */
  trace?: (line: TraceLine) => void;
  /**
   * A connection that is open already, through a proxy or in memory for example. With
   * `tls: "implicit"` the client encrypts it first, unless it is encrypted.
   */
  connection?: Connection;
}

/**
 * Options of the clients of SMTP, POP3 and IMAP: those of all clients, and the login. The client tries
 * the ways to log in that both sides support, the best one first, until the server accepts one. It does
 * not send a password again that the server has called wrong.
 *
 * @typeParam M The mechanisms that can be selected by name.
 */
export interface MailLoginOptions<M extends string = SaslName> extends MailClientOptions {
  /** The user to log in as while connecting. @default no login; call `login` later */
  username?: string;
  /**
   * The former name of `username`.
   *
   * @deprecated Use `username`.
   */
  user?: string;
  /** The password of the user. Requires `username`. */
  password?: string;
  /** An OAuth 2 access token, used instead of a password. Requires `username`. */
  accessToken?: string;
  /**
   * The user to act as. Only SCRAM, PLAIN, OAUTHBEARER and EXTERNAL can carry this name, so the client
   * uses none of the others.
   *
   * @default the user who logs in
   */
  authorizationId?: string;
  /**
   * The only mechanism to use. "EXTERNAL" logs in by the certificate in `cert`, without a password; a
   * `username` is optional then, and names the user to act as.
   *
   * @default the best one that both sides support, then the others
   */
  mechanism?: M;
}

/** The supported SASL mechanisms. */
export type SaslName =
  | "SCRAM-SHA-256"
  | "SCRAM-SHA-1"
  | "PLAIN"
  | "LOGIN"
  | "CRAM-MD5"
  | "OAUTHBEARER"
  | "XOAUTH2"
  | "EXTERNAL";

/** The identity of a user, with a proof of it. */
export interface SaslCredentials {
  /** The name of the user. Required, except for EXTERNAL. */
  readonly username?: string;
  /**
   * The former name of `username`.
   *
   * @deprecated Use `username`.
   */
  readonly user?: string;
  /** The password, which must not be empty. One of `password` and `accessToken` is required. */
  readonly password?: string;
  /** The OAuth 2 access token, for OAUTHBEARER and XOAUTH2. */
  readonly accessToken?: string;
  /**
   * The user to act as (RFC 4616 §2, RFC 5802 §5.1), for SCRAM, PLAIN, OAUTHBEARER and EXTERNAL.
   *
   * @default the user who logs in
   */
  readonly authorizationId?: string;
}

/** Conditions for the choice of a mechanism. */
export interface SaslChoice {
  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /** Whether a password or token may be exposed on a connection that is not encrypted. @default false */
  readonly allowPlaintext?: boolean;
  /** The only mechanism to use. @default the best one that the server offers */
  readonly mechanism?: SaslName;
  /** The client nonce for SCRAM, which must be used only once. @default a random value */
  readonly nonce?: string;
}

/** The client's side of one login. */
export interface SaslExchange {
  /** The mechanism in use. */
  readonly name: SaslName;
  /** The initial response, as bytes; undefined if the server sends the first message. */
  readonly initial: Uint8Array<ArrayBuffer> | undefined;
  /**
   * Whether the exchange can be cancelled to try another mechanism. It is false while the client waits
   * for the proof that the server knows the password.
   */
  readonly cancellable: boolean;
  /**
   * Responds to a challenge.
   *
   * @param challenge The challenge of the server, decoded from Base64.
   * @returns The response, not yet encoded in Base64.
   * @throws {NetError} "protocol" if the server violates the mechanism or does not know the password.
   */
  next(challenge: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Completes the exchange. Call it when the server reports success.
   *
   * @throws {NetError} "protocol" if the server has not proved that it knows the password.
   */
  finish(): void;
}
