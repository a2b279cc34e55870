/**
 * What `connectFtp` and its transfers take.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { MailClientOptions } from "../mail/options.ts";

/** Options of `connectFtp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectFtpOptions extends MailClientOptions {
  /**
   * Who logs in.
   *
   * @default "anonymous"
   */
  user?: string;
  /** The password. @default "anonymous@" for anonymous, else none */
  password?: string;
  /**
   * Opens data connections where the reply to PASV says, and asks by PASV alone: for a server that
   * has them on another host. Otherwise they go to the host of the control connection, whatever PASV
   * says: it could be anybody's.
   *
   * @default false
   */
  trustPassiveAddress?: boolean;
  /** Opens data connections in place of `connectTcp`: through a proxy, or in memory. */
  connectData?: (address: { hostname: string; port: number }) => Promise<Connection>;
}

/** Options of a transfer. */
export interface FtpTransferOptions {
  /** The byte to begin with, to resume (RFC 3659 §5). @default 0 */
  offset?: number;
  /** Called with the bytes of this transfer so far. */
  onProgress?: (bytes: number) => void;
  /** Breaks the transfer off; the session goes on. */
  signal?: AbortSignal;
}

/** Options of `FtpClient.upload`. */
export interface FtpUploadOptions extends FtpTransferOptions {
  /** Adds to the end of the file that is there. @default false */
  append?: boolean;
  /** Writes to another name first, and renames it when it is whole. @default false */
  atomic?: boolean;
}

/** What can be uploaded. */
export type FtpSource =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;
