/**
 * FTP (RFC 959, 2228, 3659, 4217): a client with TLS, with streams and whole directories, and the codec for
 * replies and listings.
 *
 * **Permissions**: `--allow-net=HOST` for the control connection and the data connections;
 * `--allow-read` and `--allow-write` for the local side of a tree.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
export * from "./listing.ts";
export * from "./tree.ts";
