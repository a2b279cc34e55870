/**
 * Unix domain sockets: the same clients and servers as for TCP, on a path.
 *
 * @example Answer every line
 * ```ts
 * import { connectUnix, serveUnix } from "@portside/kit/net/unix";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/app.sock`;
 * await using server = await serveUnix({ path }, async (conn) => {
 *   for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
 * });
 * await using client = await connectUnix({ path });
 * await client.write("hello\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "you said hello");
 * ```
 *
 * **Permissions**: `--allow-read=PATH` and `--allow-write=PATH`.
 *
 * @module
 */

export * from "./client.ts";
export * from "./server.ts";
