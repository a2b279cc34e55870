/**
 * An HTTP server for any handler from `Request` to `Response`, with limits, trusted proxies, early
 * hints, trailers, and protocol upgrades.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the address that it listens on; for a Unix socket,
 * `--allow-read=PATH`, `--allow-write=PATH` and `--allow-net=unix:PATH`.
 *
 * @module
 */

export * from "./server.ts";
export * from "./take_over.ts";
