/**
 * A TCP server with safe defaults: limits on connections and on their idle and write times, isolated
 * handlers, and graceful shutdown.
 *
 * @example Behind a load balancer that speaks the PROXY protocol
 * ```ts
 * import { encodeProxyHeader } from "@portside/kit/net/proxy-protocol-codec";
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * const proxyProtocol = { trusted: ["127.0.0.1"] };
 * await using server = serveTcp({ proxyProtocol }, (conn) => conn.write(`${conn.peer}\n`));
 * await using balancer = await connectTcp({ port: server.addr.port });
 * const client = { hostname: "192.0.2.1", port: 50000 };
 * const destination = { hostname: "192.0.2.2", port: 443 };
 * await balancer.write(encodeProxyHeader({ version: 2, source: client, destination }));
 * assertEquals(await balancer.readLine({ timeout: 1000 }), "192.0.2.1:50000");
 * ```
 *
 * An error in a handler ends only its own connection. The server reports it to `onEvent` and logs it
 * with LogTape, which prints nothing until the program configures it.
 *
 * **Permissions**: `--allow-net=127.0.0.1:8000` for the address to listen on, with port 0 for a free
 * port.
 *
 * @module
 */

import type { ConnectionHandler, ServeTcpOptions, TcpServer } from "./server_options.ts";
import { listen, SERVE_TCP } from "../internal/listen.ts";
import { callback } from "../internal/options.ts";
import { Server } from "../internal/listening_server.ts";

export type * from "./server_options.ts";

/**
 * Starts a TCP server.
 *
 * @param options The address to listen on, and the limits.
 * @param handler The function that serves each connection.
 * @returns The running server; shut it down or dispose of it.
 * @throws {NetError} In phase "listen", of kind "address-in-use", "address-unavailable",
 * "permission" and others.
 * @throws {RangeError | TypeError} If an option is invalid or the handler is missing.
 *
 * @example Reply and close
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({}, (conn) => conn.write("Hello, Client!"));
 * await using client = await connectTcp({ port: server.addr.port });
 * assertEquals(new TextDecoder().decode((await client.readChunk())!), "Hello, Client!");
 * ```
 */
export function serveTcp(options: ServeTcpOptions, handler: ConnectionHandler): TcpServer {
  options = SERVE_TCP.checkGiven("serveTcp", options);
  callback("handler", handler);
  const listener = listen(options, (at) => Deno.listen(at));
  return new Server(listener, { scheme: "tcp" }, options, handler);
}
