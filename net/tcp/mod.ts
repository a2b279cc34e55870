/**
 * TCP: clients and servers with time limits, cancellation, resource limits and graceful shutdown.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address to listen on or to connect to.
 *
 * @module
 */

export * from "./client.ts";
export * from "./server.ts";
