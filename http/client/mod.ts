/**
 * An HTTP client on its own connections: limits for each host, retries, redirects, cookies, forms, time limits
 * per phase, and typed errors.
 *
 * @example Request JSON
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
 *   const { searchParams } = new URL(request.url);
 *   return Response.json({ page: searchParams.get("page"), body: await request.text() });
 * });
 * await using client = createClient({ baseUrl: `http://127.0.0.1:${server.addr.port}/api/` });
 *
 * const list = await client.get("users", { params: { page: 2 } }).json<{ page: string }>();
 * assertEquals(list.page, "2");
 *
 * const made = await client.post("users", { json: { name: "ada" } });
 * assertEquals(await made.json(), { page: null, body: '{"name":"ada"}' });
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each server.
 *
 * @module
 */

export * from "./cache.ts";
export * from "./client.ts";
export * from "./cookie_jar.ts";
export * from "./errors.ts";
export * from "./multipart.ts";
export * from "./response.ts";
export * from "./retry.ts";
