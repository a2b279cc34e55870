/**
 * A TLS server. It is a TCP server with a certificate and a time limit for the handshake.
 *
 * @example Serve with a development certificate
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls, serveTls } from "@portside/kit/net/tls";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate();
 * await using server = serveTls({ cert, key }, (conn) => conn.write("Secure response\n"));
 * await using client = await connectTls({ port: server.addr.port, caCerts: [ca] });
 * assertEquals(await client.readLine({ timeout: 1000 }), "Secure response");
 * ```
 *
 * **Known limits** of TLS of Deno, which `engine: "deno"` selects. It sends about a quarter more small
 * messages per CPU second than `node:tls`, the default, but:
 *
 * - If a client stops during the handshake, it loses its slot after `handshakeTimeout`, but Deno 2.9
 *   closes the file descriptor only when the client closes the connection, even after `shutdown()`.
 *   The same applies to refused clients, which can even complete the handshake.
 * - An answer of 16 to 80 KiB, or one in several writes, takes 44 ms. See `noDelay`.
 *
 * **Permissions**: `--allow-net=127.0.0.1:8443` for the address to listen on.
 * TLS is RFC 8446 (1.3) and RFC 5246 (1.2), ALPN is RFC 7301.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { toNetError } from "../errors/errors.ts";
import { Alarm } from "../internal/timer.ts";
import { Certificates } from "./_server_certificates.ts";
import { checkServerTls, keyPairsOf } from "./_option_checks.ts";
import { runsOnNode } from "./_engine.ts";
import { completeHandshake } from "./_handshake.ts";
import { callback } from "../internal/options.ts";
import { HANDSHAKE_TIMEOUT, SERVE_TLS } from "../internal/tls_rules.ts";
import { listen, type Listener } from "../internal/listen.ts";
import { acceptTls } from "./_node_tls.ts";
import { requireTlsWraps } from "../internal/tls_machine.ts";
import { tlsWraps } from "../internal/tls_wrap.ts";
import { Server, type ServerKind } from "../internal/listening_server.ts";
import type { ConnectionHandler, TcpServer } from "../tcp/server_options.ts";
import type { ServeTlsOptions, TlsKeyPair } from "./options.ts";
import type { Transport } from "../connection/transport.ts";

export type * from "./options.ts";

/** A running server of {@linkcode serveTls}. */
export interface TlsServer extends TcpServer {
  /**
   * Replaces the certificates for new handshakes. Open connections do not change. If a new
   * certificate is invalid, the old ones stay.
   *
   * @param certificates The new certificates, the default one first. If omitted, the server reads
   * its files again.
   * @throws {NetError} Of kind "tls" if a certificate or key is invalid.
   * @throws {TypeError} If the server was started without `reloadInterval`.
   */
  reloadTls(certificates?: readonly TlsKeyPair[]): void;
}

/**
 * Starts a TLS server. The handler runs after the handshake. Failed handshakes are events of type
 * "handshake-error".
 *
 * @param options The address to listen on, the certificate, and the limits.
 * @param handler The function that serves each connection.
 * @returns The running server; shut it down or dispose of it.
 * @throws {NetError} In phase "listen"; of kind "tls" if the certificate or key is invalid.
 * @throws {RangeError | TypeError} If an option is invalid or the handler is missing.
 *
 * @example Negotiate a protocol
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls, serveTls } from "@portside/kit/net/tls";
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
export function serveTls(options: ServeTlsOptions, handler: ConnectionHandler): TlsServer {
  options = SERVE_TLS.checkGiven("serveTls", options);
  callback("handler", handler);
  checkServerTls(options);
  const { alpnProtocols, clientAuth = "none", sni = [], reloadInterval } = options;
  const { hostname = "127.0.0.1", port = 0, handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const certificates = new Certificates(keyPairsOf(options), {
    subject: `Cannot listen on ${formatAddress({ hostname, port })}`,
    phase: "listen",
  });
  const reloads = reloadInterval === undefined ? undefined : certificates;
  const given = {
    clientAuth: clientAuth !== "none",
    sni: sni.length > 0,
    reloadInterval: reloadInterval !== undefined,
    // TLS of Deno starts with the first byte of the connection, so no layer fits below it.
    proxyProtocol: options.proxyProtocol !== undefined,
    noDelay: options.noDelay === true,
    resetOnAbort: options.resetOnAbort === true,
  };
  if (runsOnNode(options, given, tlsWraps() !== null)) {
    requireTlsWraps("listen");
    const settings = { ...options, certificates, handshakeTimeout };
    const prepare = (raw: Transport) => acceptTls(raw, { ...settings, signal: undefined });
    const listener = listen(options, (at) => Deno.listen(at));
    return new SecureServer(listener, { scheme: "tls", prepare }, options, handler, reloads);
  }
  const { cert, key } = certificates.pick("");
  const listener = listen(options, (at) => {
    return Deno.listenTls({ ...at, cert, key, ...(alpnProtocols && { alpnProtocols }) });
  });
  const prepare = async (raw: Transport) => ({
    tls: await completeHandshake(raw as Deno.TlsConn, { timeout: handshakeTimeout }),
  });
  return new SecureServer(listener, { scheme: "tls", prepare }, options, handler, reloads);
}

class SecureServer extends Server<Deno.NetAddr> implements TlsServer {
  readonly #certificates: Certificates | undefined;

  constructor(
    listener: Listener<Deno.NetAddr>,
    kind: ServerKind,
    options: ServeTlsOptions,
    handler: ConnectionHandler,
    certificates: Certificates | undefined,
  ) {
    super(listener, kind, options, handler);
    this.#certificates = certificates;
    const { reloadInterval = 0 } = options;
    if (certificates === undefined || reloadInterval === 0) return;
    const alarm = new Alarm(() => {
      alarm.start(reloadInterval);
      if (certificates.stale) this.#reload();
    }, false);
    alarm.start(reloadInterval);
    this.finished.then(() => alarm.stop());
  }

  reloadTls(certificates?: readonly TlsKeyPair[]): void {
    if (this.#certificates === undefined) {
      throw new TypeError(
        "Cannot reload certificates: the server was started without reloadInterval",
      );
    }
    this.#certificates.replace(certificates);
    this.event({ type: "tls-reload", error: undefined });
  }

  /** Reloads changed files. If only half of a pair is written, the next check finds the whole pair. */
  #reload(): void {
    try {
      this.reloadTls();
    } catch (error) {
      this.event({ type: "tls-reload", error: toNetError(error, { phase: "listen" }) });
    }
  }
}
