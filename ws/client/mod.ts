/**
 * A WebSocket client with time limits, typed messages, errors that name the cause, and optional
 * reconnecting.
 *
 * @example Ask and read the answer
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, (conn) => conn.send("hello"));
 * await using conn = await connectWebSocket(server.url, { timeout: 2000 });
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each server.
 *
 * @module
 */

export * from "./client.ts";
export * from "./errors.ts";
export * from "./reconnecting.ts";
