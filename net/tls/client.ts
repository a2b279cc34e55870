/**
 * Dials TLS: certificate and name verified, the handshake done and bounded
 * when the promise resolves.
 *
 * @example Trust an own authority
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls, serveTls } from "@portside/kit/net/tls";
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
 * **Known limit**: a server that stops in the middle of the handshake is given up
 * after `handshakeTimeout`, but Deno 2.9 closes the descriptor only when that
 * server goes away. With `engine: "node"` it is closed at once.
 *
 * **Permissions**: `--allow-net=example.com:443` for the host and port as they
 * are given here. TLS is RFC 8446 (1.3) and RFC 5246 (1.2).
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { Connection } from "../connection/connection.ts";
import { checkClientTls, runsOnNode } from "./_check.ts";
import { CONNECTION } from "../internal/connection_limits.ts";
import { checkFamilies, dial, dialWithRetry, isTcp } from "../internal/dial.ts";
import { startTls } from "./_handshake.ts";
import { CONNECT_TLS, HANDSHAKE_TIMEOUT } from "../internal/tls_rules.ts";
import { dialTls } from "./_node_tls.ts";
import { resettable } from "../connection/resettable.ts";
import type { ConnectTlsOptions } from "./options.ts";

export type * from "./options.ts";

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
 * import { connectTls, serveTls } from "@portside/kit/net/tls";
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
  CONNECT_TLS.check("connectTls", options);
  checkFamilies(options);
  checkClientTls(options);
  CONNECTION.assume(options);
  const { cert, resetOnAbort = false, localAddress } = options;
  const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const beyond = cert !== undefined || resetOnAbort || localAddress !== undefined;
  const onNode = runsOnNode(options, beyond);
  const { transport, tls } = await dialWithRetry(options, async (attempt) => {
    const { hostname = "127.0.0.1", port, serverName = hostname } = attempt;
    // Not connectTls of Deno, which knows neither setNoDelay nor a signal.
    const tcp = await dial(attempt);
    const address = formatAddress({ hostname, port });
    const settings = { ...attempt, serverName, handshakeTimeout, address };
    if (!onNode && isTcp(tcp)) return await startTls(tcp, settings);
    return await dialTls(resetOnAbort ? resettable(tcp) : tcp, settings);
  });
  return new Connection(transport, options, tls);
}
