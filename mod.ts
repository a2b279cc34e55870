/**
 * Portside: network servers and clients for Deno, with limits, graceful shutdown and clear errors.
 *
 * @example A server and a client
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({ port: 0 }, (conn) => conn.write("Hello, Client!\n"));
 * await using client = await connectTcp({ port: server.addr.port });
 * assertEquals(await client.readLine(), "Hello, Client!");
 * ```
 *
 * **Permissions**: those of the functions that you use; each module lists them.
 *
 * @module
 */

export * from "./http/mod.ts";
export * from "./net/mod.ts";
export * from "./tools/mod.ts";
export * from "./ws/mod.ts";
