/**
 * POP3 (RFC 1939, 2449, 2595, 5034, 6856): a client with messages as streams, and the codec of its replies.
 *
 * **Permissions**: `--allow-net=HOST:995`, or the port in use; none for the codec.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
