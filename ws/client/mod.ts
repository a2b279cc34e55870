/**
 * A WebSocket client with time limits, typed messages and explanations of failures; it can
 * reconnect by itself.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each server.
 *
 * @module
 */

export * from "./client.ts";
export * from "./reconnecting.ts";
