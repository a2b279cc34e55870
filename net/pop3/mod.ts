/**
 * POP3 (RFC 1939, 2449, 2595, 5034, 6856): a client with messages as streams, and the codec of its replies.
 *
 * @example List the sizes of all messages
 * ```ts
 * import { connectPop3 } from "@portside/kit/net/pop3";
 *
 * async function sizes(hostname: string, password: string): Promise<number[]> {
 *   await using mail = await connectPop3({ hostname, username: "ann", password });
 *   return (await mail.list()).map(({ size }) => size);
 * }
 * ```
 *
 * **Permissions**: `--allow-net=HOST:995`, or the port in use; none for the codec.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
