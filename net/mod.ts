/**
 * Sockets: connections with limits, TCP and TLS servers and clients, an
 * in-memory pair for tests, one error class for everything that goes wrong.
 *
 * @example A server and a client
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({ port: 0 }, async (conn) => {
 *   for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
 * });
 * await using client = await connectTcp({ port: server.addr.port });
 * await client.write("hello\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "you said hello");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address listened on or
 * connected to; nothing else.
 *
 * @module
 */

export * from "./address.ts";
export * from "./address_block.ts";
export * from "./certificate.ts";
export * from "./connection.ts";
export * from "./dns_client.ts";
export * from "./dns_codec.ts";
export * from "./dot_codec.ts";
export * from "./errors.ts";
export * from "./frame_codec.ts";
export * from "./ftp_client.ts";
export * from "./ftp_codec.ts";
export * from "./ftp_tree.ts";
export * from "./imap_client.ts";
export * from "./imap_codec.ts";
export * from "./imap_message.ts";
export * from "./imap_watch.ts";
export * from "./line_codec.ts";
export type * from "./mail_options.ts";
export * from "./memory_pair.ts";
export * from "./pool.ts";
export * from "./pop3_client.ts";
export * from "./pop3_codec.ts";
export * from "./proxy_protocol_codec.ts";
export * from "./reply_error.ts";
export * from "./resettable.ts";
export * from "./retry.ts";
export * from "./sasl.ts";
export * from "./smtp_client.ts";
export * from "./smtp_codec.ts";
export * from "./smtp_pool.ts";
export * from "./socks_codec.ts";
export * from "./tcp_client.ts";
export * from "./tcp_server.ts";
export * from "./text.ts";
export * from "./throttle.ts";
export * from "./tls_client.ts";
export * from "./tls_server.ts";
export type * from "./transport.ts";
export * from "./udp_socket.ts";
export * from "./unix_client.ts";
export * from "./unix_server.ts";
export * from "./upgrade_tls.ts";
export * from "./workers.ts";
