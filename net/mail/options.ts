/**
 * What the clients of FTP, SMTP, POP3 and IMAP take.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { SaslName } from "./sasl.ts";

/** One line of a dialogue. */
export interface TraceLine {
  /** Who said it. */
  readonly from: "client" | "server";
  /** What was said, control characters escaped, secrets as `***`. */
  readonly text: string;
}

/** What all of these clients take. All times are in milliseconds; 0 lifts a limit. */
export interface MailClientOptions {
  /**
   * The server.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /** Its port. @default the registered one of the protocol and of `tls` */
  port?: number;
  /**
   * How the line is encrypted: from the beginning, by STARTTLS before anything else, or not at all.
   * There is no going back to plain text by itself.
   *
   * @default "implicit" for POP3 and IMAP, "starttls" for SMTP and FTP
   */
  tls?: "implicit" | "starttls" | "none";
  /** The name that the certificate must have. @default hostname */
  serverName?: string;
  /** Authorities to trust, in PEM. @default those of the system */
  caCerts?: string[];
  /**
   * How long connecting and the handshake may take, each.
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * How long an answer may take, and each wait within a transfer.
   *
   * @default 30000
   */
  timeout?: number;
  /**
   * After how long without a command NOOP is sent, so that the server does not end the session; 0 for
   * never. It does not keep the process running.
   *
   * @default 0
   */
  keepAlive?: number;
  /**
   * Whether a password may be sent without encryption.
   *
   * @default false
   */
  allowPlaintextLogin?: boolean;
  /** Gives up, at any time: the connection is aborted with the signal's reason. */
  signal?: AbortSignal;
  /** Sees the dialogue, secrets masked. */
  trace?: (line: TraceLine) => void;
  /**
   * A connection that is dialled already: through a proxy, or in memory. With "implicit" it is
   * encrypted first, unless it is.
   */
  connection?: Connection;
}

/**
 * What the clients of SMTP, POP3 and IMAP take besides: who logs in.
 *
 * @typeParam M The mechanisms that can be asked for by name.
 */
export interface MailLoginOptions<M extends string = SaslName> extends MailClientOptions {
  /** Logs in as this user at once. @default no login; call `login` */
  user?: string;
  /** The password of `user`. */
  password?: string;
  /** The access token of OAuth 2 in place of a password. */
  accessToken?: string;
  /** This mechanism and no other. @default the best that both sides know */
  mechanism?: M;
}
