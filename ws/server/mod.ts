/**
 * WebSocket servers: a complete server, or upgrades in any HTTP handler, with limits, origin checks,
 * pings and graceful shutdown.
 *
 * @example Answer every message
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   for await (const message of conn) await conn.send(message);
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.send("hello");
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the address that it listens on.
 *
 * @module
 */

export * from "./server.ts";
export * from "./upgrade.ts";
export * from "./upgrader.ts";
