/**
 * An FTP client (RFC 959, 2228, 2389, 2428, 3659, 4217): the control connection and the data
 * connections are encrypted by default, and transfers are streams that can be resumed and aborted.
 *
 * Data connections go to the host of the control connection: the address in the reply to PASV is ignored,
 * unless `trustPassiveAddress` is set. With `active`, the server opens them.
 *
 * Some servers want each data connection to resume the TLS session of the control connection: ProFTPD by
 * default, and vsftpd with `require_ssl_reuse`. Neither Deno's TLS nor its `node:tls` can resume a session
 * of another connection, so such a server rejects the transfers. The error names the settings to change.
 *
 * **Permissions**: `--allow-net=files.example` for the server without a port, because each data
 * connection has a port of its own.
 *
 * @module
 */

import { Dialogue } from "../internal/dialogue.ts";
import { NameCoding } from "../internal/name_coding.ts";
import { FtpClient } from "./_client.ts";
import type { ConnectFtpOptions } from "./options.ts";
import { CONNECT_FTP, loginOf } from "./_option_rules.ts";

export type { FtpEntry, FtpReply } from "./codec.ts";
export type * from "./options.ts";
export { FtpClient };

const DEFAULTS = { tls: "starttls", ports: { implicit: 990, starttls: 21 } } as const;

/**
 * Connects, encrypts the connection, and logs in.
 *
 * @param options The server, the encryption, and the login.
 * @returns The client, ready for commands.
 * @throws {ReplyError} If the server rejects the session or the login.
 * @throws {NetError} The errors of `connectTls`; "unsupported" if the server does not support AUTH TLS;
 * "usage" for a password without encryption.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export async function connectFtp(options: ConnectFtpOptions = {}): Promise<FtpClient> {
  options = CONNECT_FTP.check("connectFtp", options);
  const { encryptData = true } = options;
  const { username, password } = loginOf(options);
  const coding = new NameCoding(options.encoding ?? "utf-8");
  const dialogue = await Dialogue.open(options, { ...DEFAULTS, coding });
  const client = new FtpClient(dialogue, options, coding, connectFtp);
  try {
    await client.begin({ username, password, encryptData, coding });
    dialogue.keepAlive.begin(() => client.noop());
    return client;
  } catch (error) {
    dialogue.abort(error);
    throw error;
  }
}
