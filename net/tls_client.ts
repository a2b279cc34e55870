/**
 * Dials TLS: certificate and name verified, the handshake done and bounded
 * when the promise resolves.
 *
 * @example Trust an own authority
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls } from "@portside/kit/net/tls-client";
 * import { serveTls } from "@portside/kit/net/tls-server";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate({ names: ["localhost"] });
 * await using server = serveTls({ cert, key }, (conn) => conn.write("hello\n"));
 * await using conn = await connectTls({
 *   hostname: "localhost",
 *   port: server.addr.port,
 *   caCerts: [ca],
 * });
 * assertEquals(await conn.readLine(), "hello");
 * ```
 *
 * **Permissions**: `--allow-net=example.com:443` for the host and port as they
 * are given here. TLS is RFC 8446 (1.3) and RFC 5246 (1.2).
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import type { ConnectTcpOptions } from "./connect_options.ts";
import { NetError, toNetError } from "./errors.ts";
import { withDeadline } from "./_deadline.ts";
import { checkDial, closeQuietly, dial, dialWithRetry } from "./_dial.ts";
import { completeHandshake } from "./_handshake.ts";
import { checkLimits, checkNumber } from "./_limits.ts";
import type { TlsInfo } from "./transport.ts";

/** Options of {@linkcode connectTls}. */
export interface ConnectTlsOptions extends ConnectTcpOptions {
  /**
   * The name that the certificate has to bear, and that is sent as SNI (RFC 6066 §3).
   *
   * @default the `hostname`
   */
  serverName?: string;
  /** Certificates in PEM that are trusted besides the usual authorities. */
  caCerts?: string[];
  /** The certificate to show if the server asks for one, in PEM; together with `key`. */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). */
  key?: string;
  /**
   * The application protocols to offer, the preferred one first.
   *
   * @default none
   */
  alpnProtocols?: string[];
  /**
   * How long the handshake may take, in milliseconds; 0 for ever.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
}

/**
 * Opens a TLS connection. The certificate is verified; there is no way to turn that off.
 *
 * @param options Where to connect to, whom to trust, and the limits.
 * @returns The connection, its handshake done.
 * @throws {NetError} As `connectTcp`, and of kind "tls" with the reason in `tls`:
 * "untrusted", "wrong-name", "expired", "not-tls" …
 * @throws {RangeError | TypeError} If an option is out of range.
 *
 * @example An untrusted certificate
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls } from "@portside/kit/net/tls-client";
 * import { serveTls } from "@portside/kit/net/tls-server";
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const { cert, key } = await developmentCertificate();
 * await using server = serveTls({ cert, key }, () => {});
 * const error = await assertRejects(() => connectTls({ port: server.addr.port }), NetError);
 * assertEquals([error.kind, error.tls], ["tls", "untrusted"]);
 * ```
 */
export async function connectTls(options: ConnectTlsOptions): Promise<Connection> {
  checkDial(options);
  checkLimits(options);
  const timeout = checkNumber("handshakeTimeout", options.handshakeTimeout ?? 10_000);
  for (const pem of options.caCerts ?? []) {
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
      throw new TypeError("Cannot use an entry of caCerts: it is no certificate in PEM");
    }
  }
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new TypeError("Cannot use cert without key, nor key without cert");
  }
  const [raw, tls] = await dialWithRetry(
    options,
    (each) => attempt({ ...options, ...each }, timeout),
  );
  return new Connection(raw, options, tls);
}

async function attempt(
  options: ConnectTlsOptions,
  timeout: number,
): Promise<[Deno.TlsConn, TlsInfo]> {
  const { hostname = "127.0.0.1", port, caCerts, alpnProtocols, signal } = options;
  if (options.cert !== undefined) return await dialWithCertificate(options, timeout);
  // Not connectTls of Deno, which knows neither setNoDelay nor a signal.
  const tcp = await dial(options);
  const address = formatAddress({ hostname, port });
  let tls: Deno.TlsConn;
  try {
    tls = await Deno.startTls(tcp, {
      hostname: options.serverName ?? hostname,
      ...(caCerts && { caCerts }),
      ...(alpnProtocols && { alpnProtocols }),
    });
  } catch (error) {
    closeQuietly(tcp);
    throw toNetError(error, { phase: "handshake", address });
  }
  return [tls, await completeHandshake(tls, { timeout, signal, address })];
}

/** Only `Deno.connectTls` can show a certificate; it takes no signal, and the hostname is the name. */
async function dialWithCertificate(
  options: ConnectTlsOptions,
  timeout: number,
): Promise<[Deno.TlsConn, TlsInfo]> {
  const { hostname = "127.0.0.1", port, caCerts, alpnProtocols, signal } = options;
  const address = formatAddress({ hostname, port });
  if (options.serverName !== undefined && options.serverName !== hostname) {
    throw new TypeError("Cannot use serverName together with cert: Deno takes the hostname for it");
  }
  const opening = Deno.connectTls({
    hostname,
    port,
    cert: options.cert!,
    key: options.key!,
    ...(caCerts && { caCerts }),
    ...(alpnProtocols && { alpnProtocols }),
  });
  let given = false;
  const limit = options.timeout ?? 10_000;
  const late = () =>
    new NetError(`Cannot connect to ${address}: no answer in ${limit} ms`, {
      kind: "timeout",
      phase: "connect",
      address,
    });
  try {
    const tls = await withDeadline(opening, limit, late, signal);
    given = true;
    return [tls, await completeHandshake(tls, { timeout, signal, address })];
  } catch (error) {
    // It cannot be called off: what comes too late is closed when it comes.
    if (!given) opening.then(closeQuietly, () => {});
    if (signal?.aborted) throw signal.reason;
    throw toNetError(error, { phase: "connect", address });
  }
}
