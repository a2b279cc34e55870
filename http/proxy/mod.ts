/**
 * A forward proxy for HTTP and CONNECT: rules, logins, hooks, parent proxies, and the PROXY
 * protocol.
 *
 * **Permissions**: `--allow-net`, for it connects wherever its clients ask and its rules permit.
 *
 * @module
 */

export * from "./proxy.ts";
