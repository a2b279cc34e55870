/**
 * A forward proxy for HTTP and CONNECT, with rules, logins, hooks, parent proxies, and the PROXY
 * protocol.
 *
 * **Permissions**: `--allow-net`, because clients choose the destinations within the rules.
 *
 * @module
 */

export * from "./proxy.ts";
