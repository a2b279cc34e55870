/**
 * Upgrades a request in the handler of a `serveHttp` or `Deno.serve` server to a WebSocket.
 *
 * On a hardened `serveHttp` server, the limits of the WebSocket apply from the first byte. On other
 * servers it is the WebSocket of Deno; `ws/connection` lists the differences.
 *
 * @example In the handler of a server
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { upgrade } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request, info) => {
 *   const { response, connection } = await upgrade(request, info);
 *   connection?.opened.then(() => connection.send("hello")).catch(() => {});
 *   return response;
 * });
 * const conn = await connectWebSocket(`ws://127.0.0.1:${server.addr.port}`);
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * await conn.close();
 * await server.shutdown();
 * ```
 *
 * **Permissions**: none of its own. The opening handshake is RFC 6455 §4.2.
 *
 * @module
 */

import { originalRequest } from "../../http/internal/handler_request.ts";
import { UPGRADE } from "./_option_rules.ts";
import { type Upgrade, upgradeRequest } from "./_upgrade_request.ts";
import type { UpgradeInfo, UpgradeOptions } from "./upgrade_options.ts";

export type { Upgrade } from "./_upgrade_request.ts";
export type * from "./upgrade_options.ts";

/**
 * Upgrades a request to a WebSocket, or refuses it: with 400 for an invalid handshake, 403 for a page
 * of another origin, 426 for a request without an upgrade or for another version, or with the response
 * of `authorize`.
 *
 * Do slow checks in `authorize`, not before the call. Only there, the function detects a client that
 * leaves. In Deno 2.9, an upgrade for such a client leaks a file descriptor until the server ends.
 *
 * @param request The request that the handler received. A copy works with the `info` of `serveHttp`. On
 * `Deno.serve` itself, the WebSocket of a copy never opens, and a warning is logged.
 * @param info The second argument of the handler.
 * @param options Who may connect, and the limits of the connection. Default: the same origin only.
 * @returns The response to return, and the connection unless the request is refused.
 * @throws {RangeError | TypeError} If an option is invalid.
 * @throws {TypeError} If the request is already upgraded.
 *
 * @example Refused
 * ```ts
 * import { upgrade } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * const info = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;
 * const { response, connection } = await upgrade(new Request("http://a.test/"), info);
 * assertEquals([response.status, connection], [426, undefined]);
 * ```
 */
export async function upgrade(
  request: Request,
  info: UpgradeInfo,
  options: UpgradeOptions = {},
): Promise<Upgrade> {
  options = UPGRADE.check("upgrade", options);
  return await upgradeRequest(request, originalRequest(request, info), info, options);
}
