/**
 * A forward proxy for HTTP and CONNECT, with rules, logins, hooks, parent proxies, and the PROXY
 * protocol.
 *
 * @example A proxy for this machine
 * ```ts
 * import { serveProxy } from "@portside/kit/http/proxy";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using origin = serveHttp({ port: 0 }, () => new Response("hello"));
 * await using proxy = serveProxy({ port: 0, allowPrivate: true });
 * using client = Deno.createHttpClient({ proxy: { url: proxy.url } });
 * const response = await fetch(origin.url, { client });
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * **Permissions**: `--allow-net`, because clients choose the destinations within the rules.
 *
 * @module
 */

export * from "./proxy.ts";
