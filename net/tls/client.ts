/**
 * A TLS client. It verifies the certificate and the name, and limits the time of the handshake.
 *
 * **Known limit**: if a server stops during the handshake, `connectTls` rejects after
 * `handshakeTimeout`, but Deno 2.9 closes the file descriptor only when the server closes the
 * connection. With `engine: "node"`, the descriptor is closed at once.
 *
 * **Permissions**: `--allow-net=example.com:443` for the host and port as written in the options.
 * TLS is RFC 8446 (1.3) and RFC 5246 (1.2).
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { Connection } from "../connection/connection.ts";
import { checkClientTls } from "./_option_checks.ts";
import { clientRunsOnNode } from "./_engine.ts";
import { CONNECTION } from "../internal/connection_limits.ts";
import { checkFamilies, dial, dialWithRetry, isTcp } from "../internal/dial.ts";
import { startTls } from "./_handshake.ts";
import { CONNECT_TLS, HANDSHAKE_TIMEOUT } from "../internal/tls_rules.ts";
import { dialTls } from "./_node_tls.ts";
import { resettable } from "../connection/resettable.ts";
import type { ConnectTlsOptions } from "./options.ts";

export type * from "./options.ts";

/**
 * Opens a TLS connection. The certificate is always verified.
 *
 * @param options The address to connect to, the trusted authorities, and the limits.
 * @returns The connection after the handshake; close it or dispose of it.
 * @throws {NetError} As `connectTcp`, and of kind "tls" with the reason in `tls`: "untrusted",
 * "wrong-name", "expired", "not-tls" and others.
 * @throws {RangeError | TypeError} If an option is invalid.
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
  options = CONNECT_TLS.check("connectTls", options);
  checkFamilies(options);
  checkClientTls(options);
  CONNECTION.assume(options);
  const { resetOnAbort = false, localAddress } = options;
  const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const onNode = clientRunsOnNode(options, {
    resetOnAbort,
    localAddress: localAddress !== undefined,
  });
  const { transport, tls } = await dialWithRetry(options, async (attempt) => {
    const { hostname = "127.0.0.1", port, serverName = hostname } = attempt;
    // connectTls of Deno supports neither setNoDelay nor a signal.
    const tcp = await dial(attempt);
    const address = formatAddress({ hostname, port });
    const settings = { ...attempt, serverName, handshakeTimeout, address };
    if (!onNode && isTcp(tcp)) return await startTls(tcp, settings);
    return await dialTls(resetOnAbort ? resettable(tcp) : tcp, settings);
  });
  return new Connection(transport, options, tls);
}
