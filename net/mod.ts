/**
 * Sockets and the protocols on them: TCP, TLS, Unix and UDP with limits, DNS, mail and FTP, an in-memory
 * pair for tests, and one error class for all failures.
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
 * **Permissions**: `--allow-net=HOST:PORT` for each address to listen on or to connect to.
 *
 * @module
 */

export * from "./address.ts";
export * from "./address_block.ts";
export * from "./tls/certificate.ts";
export * from "./connection/connection.ts";
export * from "./dns/cache.ts";
export * from "./dns/client.ts";
export * from "./dns/codec.ts";
export * from "./dns/extension.ts";
export * from "./dns/multicast.ts";
export * from "./dns/record.ts";
export * from "./dns/resolv_conf.ts";
export * from "./dns/resolver.ts";
export * from "./dns/trace.ts";
export * from "./mail/charset.ts";
export * from "./mail/dot_codec.ts";
export * from "./mail/encoded_words.ts";
export * from "./errors/errors.ts";
export * from "./connection/frame_codec.ts";
export * from "./ftp/client.ts";
export * from "./ftp/codec.ts";
export * from "./ftp/listing.ts";
export * from "./ftp/tree.ts";
export * from "./imap/client.ts";
export * from "./imap/codec.ts";
export * from "./imap/extensions.ts";
export * from "./imap/message.ts";
export * from "./imap/watch.ts";
export * from "./connection/line_codec.ts";
export type * from "./mail/options.ts";
export * from "./connection/memory_pair.ts";
export * from "./pool/pool.ts";
export * from "./pop3/client.ts";
export * from "./pop3/codec.ts";
export * from "./proxy_protocol_codec.ts";
export * from "./errors/reply_error.ts";
export * from "./connection/resettable.ts";
export * from "./retry.ts";
export * from "./mail/sasl.ts";
export * from "./smtp/client.ts";
export * from "./smtp/codec.ts";
export * from "./smtp/pool.ts";
export * from "./socks_codec.ts";
export * from "./tcp/client.ts";
export * from "./tcp/server.ts";
export * from "./text.ts";
export * from "./throttle.ts";
export * from "./tls/client.ts";
export * from "./tls/server.ts";
export type * from "./connection/transport.ts";
export * from "./udp/socket.ts";
export * from "./unix/client.ts";
export * from "./unix/server.ts";
export * from "./tls/upgrade.ts";
export * from "./tcp/workers.ts";
