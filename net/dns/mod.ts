/**
 * DNS: a client that asks a server of your choice over UDP, TCP and TLS, a resolver with a cache and a
 * search list, multicast DNS for the local network, and the codec of the messages.
 *
 * **Permissions**: `--allow-net=SERVER:53` for `queryDns` and resolvers, `--allow-net=224.0.0.251:5353` for
 * `queryMulticastDns`; none for the codec.
 *
 * @module
 */

export * from "./cache.ts";
export * from "./client.ts";
export * from "./codec.ts";
export * from "./extension.ts";
export * from "./multicast.ts";
export * from "./record.ts";
export * from "./resolv_conf.ts";
export * from "./resolver.ts";
export * from "./trace.ts";
