/**
 * HTTP: a client with a pool, retries, time limits for each phase and errors that say what
 * happened; a server with limits around any handler, and what small services need.
 *
 * @example A server and a client of JSON
 * ```ts
 * import { createClient, json, serveHttp } from "@portside/kit/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({ port: 0 }, () => json({ message: "Hello, World!" }));
 * await using client = createClient();
 * assertEquals(await client.get(server.url).json(), { message: "Hello, World!" });
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address listened on or
 * connected to; nothing else.
 *
 * @module
 */

export * from "./client.ts";
export * from "./client_options.ts";
export * from "./cookie_jar.ts";
export * from "./download.ts";
export * from "./errors.ts";
export * from "./access_log.ts";
export * from "./auth.ts";
export * from "./compress.ts";
export * from "./cors.ts";
export * from "./etag.ts";
export * from "./event_source.ts";
export * from "./event_stream.ts";
export * from "./fetch_all.ts";
export * from "./form.ts";
export * from "./header_list.ts";
export * from "./http1_codec.ts";
export * from "./json.ts";
export * from "./multipart.ts";
export * from "./problem.ts";
export * from "./proxy.ts";
export * from "./response.ts";
export * from "./retry.ts";
export * from "./rate_limit.ts";
export * from "./reverse_proxy.ts";
export * from "./router.ts";
export * from "./server.ts";
export * from "./static_files.ts";
export * from "./take_over.ts";
