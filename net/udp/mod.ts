/**
 * UDP sockets: datagrams, requests with retransmission, multicast, and a bounded receive queue.
 *
 * @example A request and its answer
 * ```ts
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * await using client = await bindUdp();
 * const serving = server.receive().then(({ data, from }) => server.send(data, from));
 * const answer = await client.request("ping", server.addr, { timeout: 500, resends: 2 });
 * await serving;
 * assertEquals(new TextDecoder().decode(answer.data), "ping");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the local address and for each destination.
 *
 * @module
 */

export * from "./socket.ts";
