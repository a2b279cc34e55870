/**
 * TLS: clients and servers with verified certificates, mutual TLS, and STARTTLS on connections
 * that exist.
 *
 * @example Trust your own authority
 * ```ts
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 * import { connectTls, serveTls } from "@portside/kit/net/tls";
 * import { assertEquals } from "@std/assert";
 *
 * const { cert, key, ca } = await developmentCertificate({ names: ["localhost"] });
 * await using server = serveTls({ cert, key }, (conn) => conn.write("hello\n"));
 * await using conn = await connectTls({
 *   hostname: "localhost",
 *   port: server.addr.port,
 *   caCerts: [ca],
 * });
 * assertEquals(await conn.readLine(), "hello");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address to listen on or to connect to, and
 * `--allow-read` for certificate files.
 *
 * @module
 */

export * from "./client.ts";
export * from "./server.ts";
export * from "./upgrade.ts";
