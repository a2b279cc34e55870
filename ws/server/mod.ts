/**
 * WebSocket servers: a server of its own, or upgrades in any HTTP handler, with limits, origins,
 * pings and graceful shutdown.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the address that it listens on.
 *
 * @module
 */

export * from "./server.ts";
export * from "./upgrade.ts";
export * from "./upgrader.ts";
