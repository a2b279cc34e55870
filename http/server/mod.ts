/**
 * An HTTP server for any handler that takes a `Request` and returns a `Response`, with limits, trusted
 * proxies, early hints, trailers, and protocol upgrades.
 *
 * @example Hello
 * ```ts
 * import { serveHttp } from "@portside/kit/http/server";
 * import { json } from "@portside/kit/http/json";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({ port: 0 }, () => json({ message: "Hello, World!" }));
 * const response = await fetch(server.url);
 * assertEquals(await response.json(), { message: "Hello, World!" });
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the address of the server; for a Unix socket,
 * `--allow-read=PATH`, `--allow-write=PATH` and `--allow-net=unix:PATH`.
 *
 * @module
 */

export * from "./server.ts";
export * from "./take_over.ts";
