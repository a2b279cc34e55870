/**
 * WebSocket servers and clients as streams of messages, with limits in both directions.
 *
 * @example Answer every message
 * ```ts
 * import { connectWebSocket, serveWebSocket } from "@portside/kit/ws";
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
 * **Permissions**: `--allow-net=HOST:PORT` for each address to listen on or to connect to.
 *
 * @module
 */

export * from "./client/client.ts";
export * from "./client/errors.ts";
export * from "./connection/connection.ts";
export * from "./frame_codec.ts";
export * from "./json_view.ts";
export * from "./client/reconnecting.ts";
export * from "./room.ts";
export * from "./server/server.ts";
export * from "./server/upgrade.ts";
export * from "./server/upgrader.ts";
