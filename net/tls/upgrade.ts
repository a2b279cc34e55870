/**
 * Upgrades an open connection to TLS (STARTTLS), on both sides.
 *
 * The connection stays the same object with the same limits. If the peer has sent bytes before both
 * sides agreed on TLS, the connection is aborted and the bytes are discarded, because an attacker
 * could have inserted them.
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
 * **Permissions**: none. TLS is RFC 8446 (1.3) and RFC 5246 (1.2). STARTTLS is RFC 3207 (SMTP),
 * RFC 2595 (POP3, IMAP) and RFC 4217 (FTP).
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { Certificates } from "./_server_certificates.ts";
import { checkClientTls, checkServerTls, keyPairsOf } from "./_option_checks.ts";
import { clientRunsOnNode } from "./_engine.ts";
import { HANDSHAKE_TIMEOUT, TLS_CLIENT, TLS_SERVER } from "../internal/tls_rules.ts";
import { OptionRules, required, signal, word } from "../internal/options.ts";
import { isTcp } from "../internal/dial.ts";
import { startTls } from "./_handshake.ts";
import { acceptTls, dialTls } from "./_node_tls.ts";
import type { TlsClientSettings, TlsServerSettings } from "./options.ts";

/** Options of {@linkcode upgradeTls}. */
export interface UpgradeTlsOptions extends TlsClientSettings {
  /** The name that the certificate must be valid for, usually the host name of the connection. */
  serverName: string;
  /** Cancels the handshake, which rejects with the signal's reason. The connection is closed. */
  signal?: AbortSignal;
}

const UPGRADE = new OptionRules<UpgradeTlsOptions>({
  ...TLS_CLIENT.rules,
  serverName: required(word),
  signal,
});

/**
 * Performs the client side of the handshake on an open connection, after the server has agreed to
 * it. The certificate is always verified. Writes during the handshake wait and are sent encrypted.
 * If the handshake fails, the connection is closed.
 *
 * @param conn The connection. No read or write may be pending.
 * @param options The expected name, the trusted authorities, and the limits.
 * @returns The same connection, now encrypted.
 * @throws {NetError} As `connectTls`; of kind "protocol" if bytes came before the handshake.
 * @throws {RangeError | TypeError} If an option is invalid, or the connection is closed or in use.
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
  options = UPGRADE.check("upgradeTls", options);
  checkClientTls(options);
  const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const onNode = clientRunsOnNode(options, {});
  const signal = either(conn.signal, options.signal);
  const settings = { ...options, handshakeTimeout, signal };
  await conn.upgrade((raw) =>
    onNode || !isTcp(raw) ? dialTls(raw, settings) : startTls(raw, settings)
  );
  return conn;
}

/** Options of {@linkcode upgradeTlsServer}. */
export interface UpgradeTlsServerOptions extends TlsServerSettings {
  /** Cancels the handshake, which rejects with the signal's reason. The connection is closed. */
  signal?: AbortSignal;
}

/** The certificates that were read for an options object. */
const read = new WeakMap<UpgradeTlsServerOptions, Certificates>();

const UPGRADE_SERVER = new OptionRules<UpgradeTlsServerOptions>({ ...TLS_SERVER.rules, signal });

/**
 * Performs the server side of the handshake on an open connection, after the server has told the
 * client to begin. It runs on `node:tls`. If the handshake fails, the connection is closed.
 *
 * The certificates are read once for each options object. Pass the same object for every connection,
 * and a new object for new certificates.
 *
 * @param conn The connection. No read or write may be pending.
 * @param options The certificate, the policy for client certificates, and the limits.
 * @returns The same connection, now encrypted.
 * @throws {NetError} Of kind "tls", "timeout" and others; "protocol" if bytes came before the
 * handshake.
 * @throws {RangeError | TypeError} If an option is invalid, or the connection is closed or in use.
 *
 * @example Reject bytes that came before the handshake
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
  // A server passes the same options for each of its connections.
  const given = options;
  options = UPGRADE_SERVER.check("upgradeTlsServer", options);
  checkServerTls(options);
  const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const certificates = read.get(given) ??
    new Certificates(keyPairsOf(options), { subject: "Cannot start TLS", phase: "handshake" });
  read.set(given, certificates);
  const signal = either(conn.signal, options.signal);
  await conn.upgrade((raw) => {
    return acceptTls(raw, { ...options, certificates, handshakeTimeout, signal });
  });
  return conn;
}

function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}
