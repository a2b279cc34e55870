/**
 * A pool of TCP and TLS connections. Each connection is lent to one user at a time.
 *
 * @example Borrow a connection twice
 * ```ts
 * import { createPool } from "@portside/kit/net/pool";
 * import { serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({}, async (conn) => {
 *   for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
 * });
 * await using pool = createPool({ maxPerHost: 10 });
 * for (const word of ["one", "two"]) {
 *   await using lease = await pool.acquire({ port: server.addr.port });
 *   await lease.connection.write(`${word}\n`);
 *   assertEquals(await lease.connection.readLine(), `you said ${word}`);
 *   lease.keep();
 * }
 * assertEquals(pool.stats().opened, 1);
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each target.
 *
 * @module
 */

export * from "./pool.ts";
