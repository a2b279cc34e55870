/**
 * Unix domain sockets: the same clients and servers as for TCP, on a path.
 *
 * **Permissions**: `--allow-read=PATH` and `--allow-write=PATH`.
 *
 * @module
 */

export * from "./client.ts";
export * from "./server.ts";
