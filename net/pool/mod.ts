/**
 * A pool of TCP and TLS connections. Each connection is lent to one user at a time.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each target.
 *
 * @module
 */

export * from "./pool.ts";
