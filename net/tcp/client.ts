/**
 * A TCP client with a time limit, cancellation, optional retries, and no delay for small writes.
 *
 * @example Connect and read a line
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({}, (conn) => conn.write("220 ready\r\n"));
 * await using conn = await connectTcp({ port: server.addr.port, timeout: 2000 });
 * assertEquals(await conn.readLine({ timeout: 1000 }), "220 ready");
 * ```
 *
 * If a host name has several addresses, the client tries all of them. It tries the next one after
 * 250 ms without an answer (RFC 8305). If all fail, `addresses` of the error lists them.
 *
 * **Permissions**: `--allow-net=example.com:80` for the host and port as written in the options
 * (`localhost` is not `127.0.0.1`).
 *
 * @module
 */

import { Connection } from "../connection/connection.ts";
import type { ConnectTcpOptions } from "./connect_options.ts";
import { CONNECTION } from "../internal/connection_limits.ts";
import { checkFamilies, CONNECT_TCP, dial, dialWithRetry } from "../internal/dial.ts";
import { resettable } from "../connection/resettable.ts";

export type * from "./connect_options.ts";

/**
 * Opens a TCP connection.
 *
 * @param options The address to connect to, and the limits.
 * @returns The open connection; close it or dispose of it.
 * @throws {NetError} Of kind "refused", "timeout", "dns", "unreachable", "permission" and others.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example A refused connection
 * ```ts
 * import { connectTcp } from "@portside/kit/net/tcp";
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = free.addr;
 * free.close();
 * const error = await assertRejects(() => connectTcp({ port }), NetError);
 * assertEquals(error.kind, "refused");
 * ```
 */
export async function connectTcp(options: ConnectTcpOptions): Promise<Connection> {
  options = CONNECT_TCP.check("connectTcp", options);
  checkFamilies(options);
  CONNECTION.assume(options);
  const raw = await dialWithRetry(options, dial);
  return new Connection(options.resetOnAbort ? resettable(raw) : raw, options);
}
