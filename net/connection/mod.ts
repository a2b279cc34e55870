/**
 * A connection over any transport: lines, frames, time limits, a bounded send queue, and resets.
 *
 * @example Echo lines over a connection
 * ```ts
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = memoryPair();
 * await using _client = client;
 * await using _server = server;
 *
 * const serving = (async () => {
 *   for await (const line of server.lines({ max: 1024 })) await server.write(`you said ${line}\n`);
 * })();
 * await client.write("hello\r\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "you said hello");
 * await client.closeWrite();
 * await serving;
 * ```
 *
 * **Permissions**: none for `Connection`. Functions that connect or listen state theirs.
 *
 * @module
 */

export * from "./connection.ts";
export type * from "./transport.ts";
export * from "./resettable.ts";
