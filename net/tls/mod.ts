/**
 * TLS: clients and servers with verified certificates, mutual TLS, and STARTTLS on connections
 * that exist.
 *
 * **Permissions**: `--allow-net=HOST:PORT` for each address to listen on or to connect to, and
 * `--allow-read` for certificate files.
 *
 * @module
 */

export * from "./client.ts";
export * from "./server.ts";
export * from "./upgrade.ts";
