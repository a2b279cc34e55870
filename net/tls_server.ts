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

import { createPrivateKey, X509Certificate } from "node:crypto";
import { NetError } from "./errors.ts";
import { completeHandshake } from "./_handshake.ts";
import { checkNumber } from "./_limits.ts";
import { acceptTls } from "./_node_tls.ts";
import { listen, Server } from "./_server.ts";
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
   * Whether clients have to show a certificate ("require"), may do so
   * ("request"), or are not asked. What they show has to be signed by one of
   * `clientCa`; the handler finds it in `conn.tls.peerCertificate`.
   *
   * With client certificates TLS runs on `node:tls`, at about half the speed.
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
  const { cert, key, alpnProtocols, clientAuth = "none", clientCa = [] } = options;
  const timeout = checkNumber("handshakeTimeout", options.handshakeTimeout ?? 10_000);
  if (clientAuth !== "none") return serveWithClientAuth({ ...options, clientAuth }, handler);
  if (clientCa.length > 0) {
    throw new TypeError('Cannot use clientCa alone: set clientAuth to "request" or "require"');
  }
  const listener = listen(options, (at) => {
    return Deno.listenTls({ ...at, cert, key, ...(alpnProtocols && { alpnProtocols }) });
  });
  const prepare = async (raw: Deno.Conn) => ({
    tls: await completeHandshake(raw as Deno.TlsConn, { timeout }),
  });
  return new Server(listener, { scheme: "tls", prepare }, options, handler);
}

/** Client certificates are beyond `Deno.listenTls`: TCP is accepted, and Node does the handshake. */
function serveWithClientAuth(
  options: ServeTlsOptions & { clientAuth: "request" | "require" },
  handler: ConnectionHandler,
): TcpServer {
  const { cert, key, alpnProtocols, clientAuth, clientCa = [], handshakeTimeout = 10_000 } =
    options;
  if (clientAuth !== "request" && clientAuth !== "require") {
    throw new TypeError(`Cannot use clientAuth "${clientAuth}": it is none, request or require`);
  }
  if (clientCa.length === 0) {
    throw new TypeError("Cannot ask for client certificates without clientCa to verify them");
  }
  const settings = { cert, key, alpnProtocols, clientAuth, clientCa, handshakeTimeout };
  checkKeyPair(cert, key);
  const listener = listen(options, (at) => Deno.listen(at));
  const prepare = (raw: Deno.Conn) => acceptTls(raw, settings);
  return new Server(listener, { scheme: "tls", prepare }, options, handler);
}

/** Says now, not at the first client, that a certificate or key is no use. */
function checkKeyPair(cert: string, key: string): void {
  const problem = (why: string, cause?: unknown) =>
    new NetError(`Cannot listen with TLS: ${why}`, {
      kind: "tls",
      phase: "listen",
      tls: "bad-certificate",
      cause,
    });
  let matches: boolean;
  try {
    matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw problem("cert or key is not readable as PEM", cause);
  }
  if (!matches) throw problem("key does not belong to cert");
}
