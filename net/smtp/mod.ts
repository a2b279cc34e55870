/**
 * SMTP submission (RFC 5321, 6409): a client with messages as streams, a pool with a rate limit, and the
 * codec for replies.
 *
 * **Permissions**: `--allow-net=HOST:465`, or the port in use; none for the codec.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
export * from "./pool.ts";
