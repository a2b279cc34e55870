/**
 * A WebSocket client with time limits, typed messages, errors that name the cause, and optional
 * reconnecting.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each server.
 *
 * @module
 */

export * from "./client.ts";
export * from "./errors.ts";
export * from "./reconnecting.ts";
