/**
 * Turns an open connection into a TLS connection: STARTTLS, on both sides.
 *
 * The connection stays the same object with the same limits. Nothing may be
 * on its way: bytes that the peer sent before both sides agreed on TLS end the
 * connection unread, since a man in the middle could have put them there.
 *
 * @example STARTTLS
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { upgradeTls, upgradeTlsServer } from "@portside/kit/net/tls";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate({ names: ["mail.test"] });
 * await using server = serveTcp({}, async (conn) => {
 *   if (await conn.readLine() !== "STARTTLS") return;
 *   await conn.write("220 go ahead\r\n");
 *   await upgradeTlsServer(conn, { cert, key });
 *   await conn.write("250 nobody listens in\r\n");
 * });
 *
 * await using conn = await connectTcp({ port: server.addr.port });
 * await conn.write("STARTTLS\r\n");
 * assertEquals(await conn.readLine(), "220 go ahead");
 * await upgradeTls(conn, { serverName: "mail.test", caCerts: [ca] });
 * assertEquals(await conn.readLine(), "250 nobody listens in");
 * ```
 *
 * **Permissions**: none of its own. TLS is RFC 8446 (1.3) and RFC 5246 (1.2); STARTTLS is
 * RFC 3207 (SMTP), RFC 2595 (POP3, IMAP) and RFC 4217 (FTP).
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { Certificates } from "./_certificates.ts";
import { checkClientTls, checkServerTls, keyPairsOf, runsOnNode } from "./_check.ts";
import { HANDSHAKE_TIMEOUT, TLS_CLIENT, TLS_SERVER } from "../internal/tls_rules.ts";
import { OptionRules, required, signal, word } from "../internal/options.ts";
import { isTcp } from "../internal/dial.ts";
import { startTls } from "./_handshake.ts";
import { acceptTls, dialTls } from "./_node_tls.ts";
import type { TlsClientSettings, TlsServerSettings } from "./options.ts";

/** Options of {@linkcode upgradeTls}. */
export interface UpgradeTlsOptions extends TlsClientSettings {
  /** The name that the certificate has to bear: the host that was dialled. */
  serverName: string;
  /** Gives up; it rejects with the signal's reason, and the connection is closed. */
  signal?: AbortSignal;
}

const UPGRADE = new OptionRules<UpgradeTlsOptions>({
  ...TLS_CLIENT.rules,
  serverName: required(word),
  signal,
});

/**
 * Does the client's side of the handshake on an open connection, after the
 * server agreed to it. The certificate is verified; there is no way to turn that off.
 * What is written meanwhile waits and goes out encrypted. If it fails, the
 * connection is closed.
 *
 * @param conn The connection, with no read or write under way.
 * @param options Whom to trust, and the limits.
 * @returns The same connection, encrypted.
 * @throws {NetError} As `connectTls`; of kind "protocol" if bytes came before the handshake.
 * @throws {TypeError} If the connection is closed or in use, or an option is no use.
 *
 * @example TLS over any transport
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { upgradeTls, upgradeTlsServer } from "@portside/kit/net/tls";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate({ names: ["mail.test"] });
 * const [client, server] = memoryPair();
 * await using _client = client;
 * await using _server = server;
 * await Promise.all([
 *   upgradeTlsServer(server, { cert, key }),
 *   upgradeTls(client, { serverName: "mail.test", caCerts: [ca] }),
 * ]);
 * await server.write("hello\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "hello");
 * ```
 */
export async function upgradeTls(
  conn: Connection,
  options: UpgradeTlsOptions,
): Promise<Connection> {
  UPGRADE.check("upgradeTls", options);
  checkClientTls(options);
  const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const onNode = runsOnNode(options, options.cert !== undefined);
  const signal = either(conn.signal, options.signal);
  const settings = { ...options, handshakeTimeout, signal };
  await conn.upgrade((raw) =>
    onNode || !isTcp(raw) ? dialTls(raw, settings) : startTls(raw, settings)
  );
  return conn;
}

/** Options of {@linkcode upgradeTlsServer}. */
export interface UpgradeTlsServerOptions extends TlsServerSettings {
  /** Gives up; it rejects with the signal's reason, and the connection is closed. */
  signal?: AbortSignal;
}

/** What was read for the options of an earlier connection. */
const read = new WeakMap<UpgradeTlsServerOptions, Certificates>();

const UPGRADE_SERVER = new OptionRules<UpgradeTlsServerOptions>({ ...TLS_SERVER.rules, signal });

/**
 * Does the server's side of the handshake on an open connection, after it told
 * the client to begin. It runs on `node:tls`. If it fails, the connection is closed.
 *
 * The certificates are read once for an options object, so hand in the same
 * object for every connection, and a new one for new certificates.
 *
 * @param conn The connection, with no read or write under way.
 * @param options The certificate, and the limits.
 * @returns The same connection, encrypted.
 * @throws {NetError} Of kind "tls", "timeout" …; "protocol" if bytes came before the handshake.
 * @throws {TypeError} If the connection is closed or in use, or an option is no use.
 *
 * @example Refuse what was smuggled in before the handshake
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { NetError } from "@portside/kit/net/errors";
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { upgradeTlsServer } from "@portside/kit/net/tls";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const { cert, key } = await developmentCertificate();
 * const [client, server] = memoryPair();
 * await using _client = client;
 * await using _server = server;
 * await client.write("STARTTLS\r\nRSET\r\n");
 * await server.readLine();
 * const error = await assertRejects(() => upgradeTlsServer(server, { cert, key }), NetError);
 * assertEquals(error.kind, "protocol");
 * ```
 */
export async function upgradeTlsServer(
  conn: Connection,
  options: UpgradeTlsServerOptions,
): Promise<Connection> {
  UPGRADE_SERVER.check("upgradeTlsServer", options);
  checkServerTls(options);
  const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const certificates = read.get(options) ??
    new Certificates(keyPairsOf(options), { subject: "Cannot start TLS", phase: "handshake" });
  read.set(options, certificates);
  const signal = either(conn.signal, options.signal);
  await conn.upgrade((raw) => {
    return acceptTls(raw, { ...options, certificates, handshakeTimeout, signal });
  });
  return conn;
}

function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}
