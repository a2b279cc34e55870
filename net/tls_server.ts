/**
 * A TLS server: {@linkcode serveTcp} with a certificate and a deadline for the
 * handshake, so that a silent client holds nothing.
 *
 * @example Serve with a development certificate
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls } from "@portside/kit/net/tls-client";
 * import { serveTls } from "@portside/kit/net/tls-server";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate();
 * await using server = serveTls({ cert, key }, (conn) => conn.write("Secure response\n"));
 * await using client = await connectTls({ port: server.addr.port, caCerts: [ca] });
 * assertEquals(await client.readLine({ timeout: 1000 }), "Secure response");
 * ```
 *
 * **Known limit**: a client that stops in the middle of the handshake loses its
 * slot after `handshakeTimeout`, but Deno 2.9 closes the descriptor only when
 * that client goes away. Set `maxConnectionsPerAddress` where strangers connect.
 *
 * **Permissions**: `--allow-net=127.0.0.1:8443` for the address to listen on.
 * TLS is RFC 8446 (1.3) and RFC 5246 (1.2), ALPN is RFC 7301.
 *
 * @module
 */

import { checkNumber } from "./_limits.ts";
import { listen, Server } from "./_server.ts";
import { completeHandshake } from "./_handshake.ts";
import type { ConnectionHandler, ServeTcpOptions, TcpServer } from "./server_options.ts";

/** Options of {@linkcode serveTls}. */
export interface ServeTlsOptions extends ServeTcpOptions {
  /** The certificate chain in PEM, the server's own certificate first. */
  cert: string;
  /** The private key of the first certificate in PEM (PKCS #8). */
  key: string;
  /**
   * The application protocols to offer, the preferred one first.
   *
   * @default none
   */
  alpnProtocols?: string[];
  /**
   * How long a client may take for the handshake, in milliseconds; 0 for ever.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
}

/**
 * Starts a TLS server. The handler runs once the handshake is done; failed
 * handshakes are events of type "handshake-error".
 *
 * @param options Where to listen, the certificate, and the limits.
 * @param handler Called for each connection.
 * @returns The running server.
 * @throws {NetError} In phase "listen"; of kind "tls" if certificate or key are no use.
 * @throws {RangeError} If an option is out of range.
 *
 * @example Choose a protocol
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls } from "@portside/kit/net/tls-client";
 * import { serveTls } from "@portside/kit/net/tls-server";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate();
 * await using server = serveTls({ cert, key, alpnProtocols: ["echo/1"] }, (conn) => {
 *   return conn.write(`${conn.tls?.alpnProtocol}\n`);
 * });
 * await using client = await connectTls({
 *   port: server.addr.port,
 *   caCerts: [ca],
 *   alpnProtocols: ["echo/1"],
 * });
 * assertEquals(await client.readLine(), "echo/1");
 * ```
 */
export function serveTls(options: ServeTlsOptions, handler: ConnectionHandler): TcpServer {
  const { cert, key, alpnProtocols } = options;
  const timeout = checkNumber("handshakeTimeout", options.handshakeTimeout ?? 10_000);
  const listener = listen(options, (at) => {
    const tls = { cert, key, ...(alpnProtocols && { alpnProtocols }) };
    return Deno.listenTls({ ...at, ...tls });
  });
  const prepare = (raw: Deno.Conn) => completeHandshake(raw as Deno.TlsConn, { timeout });
  return new Server(listener, { scheme: "tls", prepare }, options, handler);
}
