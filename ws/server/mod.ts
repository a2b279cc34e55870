/**
 * WebSocket servers: a complete server, or upgrades in any HTTP handler, with limits, origin checks,
 * pings and graceful shutdown.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the address that it listens on.
 *
 * @module
 */

export * from "./server.ts";
export * from "./upgrade.ts";
export * from "./upgrader.ts";
