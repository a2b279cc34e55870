/**
 * IMAP (RFC 3501, 9051): a client with typed messages, streams and IDLE, a watch that reconnects, and the
 * codec.
 *
 * @example Get the subjects of all unread messages
 * ```ts
 * import { connectImap } from "@portside/kit/net/imap";
 *
 * async function unread(hostname: string, password: string): Promise<(string | undefined)[]> {
 *   await using mail = await connectImap({ hostname, username: "ann", password });
 *   await mail.examine("INBOX");
 *   const uids = await mail.search({ seen: false });
 *   const messages = await mail.fetch(uids, { envelope: true });
 *   return messages.map(({ envelope }) => envelope?.subject);
 * }
 * ```
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
