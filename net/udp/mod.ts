/**
 * UDP sockets: datagrams, requests with retransmission, multicast, and a bounded receive queue.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the local address and for each destination.
 *
 * @module
 */

export * from "./socket.ts";
