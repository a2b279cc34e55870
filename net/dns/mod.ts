/**
 * DNS: a client that asks a server of your choice over UDP, TCP and TLS, a resolver with a cache and a
 * search list, multicast DNS for the local network, and the codec of the messages.
 *
 * @example A name that does not exist
 * ```ts
 * import { decodeDnsMessage, encodeDnsMessage, queryDns } from "@portside/kit/net/dns";
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * const serving = server.receive().then(({ data, from }) => {
 *   const { id, questions } = decodeDnsMessage(data);
 *   const answer = { id, questions, response: true, code: "NXDOMAIN" };
 *   return server.send(encodeDnsMessage(answer), from);
 * });
 * const { port } = server.addr;
 * const { code, answers } = await queryDns("no.test", "A", { server: "127.0.0.1", port });
 * assertEquals([code, answers], ["NXDOMAIN", []]);
 * await serving;
 * ```
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
