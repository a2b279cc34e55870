/**
 * HTTP: a server with limits around any handler, and what small services need.
 *
 * @example A server of JSON
 * ```ts
 * import { json, serveHttp } from "@portside/kit/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({ port: 0 }, () => json({ message: "Hello, World!" }));
 * const response = await fetch(server.url);
 * assertEquals(await response.json(), { message: "Hello, World!" });
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address listened on or
 * connected to; nothing else.
 *
 * @module
 */

export * from "./json.ts";
export * from "./problem.ts";
export * from "./server.ts";
