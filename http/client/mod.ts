/**
 * An HTTP client on its own connections: limits for each host, retries, redirects, cookies, forms, time limits
 * per phase, and typed errors.
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
