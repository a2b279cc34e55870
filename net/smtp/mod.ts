/**
 * SMTP submission (RFC 5321, 6409): a client with messages as streams, a pool with a rate limit, and the
 * codec for replies.
 *
 * @example Send a message
 * ```ts
 * import { connectSmtp } from "@portside/kit/net/smtp";
 *
 * async function sayHello(hostname: string, password: string): Promise<void> {
 *   await using mail = await connectSmtp({ hostname, username: "ann", password });
 *   const message = "From: ann@example.com\nTo: bob@example.com\nSubject: hi\n\nhello\n";
 *   const { rejected } = await mail.send({ from: "ann@example.com", to: ["bob@example.com"] }, message);
 *   if (rejected.length > 0) console.error(rejected);
 * }
 * ```
 *
 * **Permissions**: `--allow-net=HOST:465`, or the port in use; none for the codec.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
export * from "./pool.ts";
