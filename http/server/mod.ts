/**
 * An HTTP server for any handler that takes a `Request` and returns a `Response`, with limits, trusted
 * proxies, early hints, trailers, and protocol upgrades.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the address of the server; for a Unix socket,
 * `--allow-read=PATH`, `--allow-write=PATH` and `--allow-net=unix:PATH`.
 *
 * @module
 */

export * from "./server.ts";
export * from "./take_over.ts";
