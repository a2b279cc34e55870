/**
 * IMAP (RFC 3501, 9051): a client with typed messages, streams and IDLE, a watch that reconnects, and the
 * codec.
 *
 * **Permissions**: `--allow-net=HOST:993`, or the port in use; none for the codec.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
export * from "./extensions.ts";
export * from "./message.ts";
export * from "./watch.ts";
