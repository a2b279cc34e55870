/**
 * DNS: a client that asks a server of your choice over UDP and TCP, and the codec of its messages.
 *
 * **Permissions**: `--allow-net=SERVER:53` for `queryDns`; none for the codec.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
export * from "./extension.ts";
export * from "./record.ts";
export * from "./resolv_conf.ts";
