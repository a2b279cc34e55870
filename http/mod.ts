/**
 * An HTTP client with a pool, retries, time limits for each phase and precise errors, and an HTTP server
 * with limits around any handler, with wrappers and helpers for services.
 *
 * @example A JSON server and its client
 * ```ts
 * import { createClient, json, serveHttp } from "@portside/kit/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({ port: 0 }, () => json({ message: "Hello, World!" }));
 * await using client = createClient();
 * assertEquals(await client.get(server.url).json(), { message: "Hello, World!" });
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address of a server or a peer. No other permission
 * is required.
 *
 * @module
 */

export * from "./client/cache.ts";
export * from "./client/client.ts";
export * from "./client/options.ts";
export * from "./client/cookie_jar.ts";
export * from "./client/dns_over_https.ts";
export * from "./client/download.ts";
export * from "./client/errors.ts";
export * from "./handlers/access_log.ts";
export * from "./handlers/auth.ts";
export * from "./handlers/compress.ts";
export * from "./handlers/cors.ts";
export * from "./etag.ts";
export * from "./client/event_source.ts";
export * from "./handlers/event_stream.ts";
export * from "./client/fetch_all.ts";
export * from "./handlers/form.ts";
export * from "./header_list.ts";
export * from "./http1/codec.ts";
export * from "./handlers/json.ts";
export * from "./client/multipart.ts";
export * from "./problem.ts";
export * from "./proxy/proxy.ts";
export * from "./client/response.ts";
export * from "./client/retry.ts";
export * from "./client/streams.ts";
export * from "./handlers/rate_limit.ts";
export * from "./proxy/reverse/reverse_proxy.ts";
export * from "./handlers/router.ts";
export * from "./server/server.ts";
export * from "./handlers/static_files.ts";
export * from "./server/take_over.ts";
