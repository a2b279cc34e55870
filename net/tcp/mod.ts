/**
 * TCP: clients and servers with time limits, cancellation, resource limits and graceful shutdown.
 *
 * @example Answer every line
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({ port: 0 }, async (conn) => {
 *   for await (const line of conn.lines({ max: 1024 })) await conn.write(`you said ${line}\n`);
 * });
 * await using client = await connectTcp({ port: server.addr.port });
 * await client.write("hello\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "you said hello");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address to listen on or to connect to.
 *
 * @module
 */

export * from "./client.ts";
export * from "./server.ts";
