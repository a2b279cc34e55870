/**
 * FTP (RFC 959, 2228, 3659, 4217): a client with TLS, with streams and whole directories, and the codec for
 * replies and listings.
 *
 * @example Download a file
 * ```ts
 * import { connectFtp } from "@portside/kit/net/ftp";
 *
 * async function fetchNotes(hostname: string, password: string): Promise<string> {
 *   await using ftp = await connectFtp({ hostname, username: "ann", password });
 *   return await new Response(await ftp.download("notes.txt")).text();
 * }
 * ```
 *
 * **Permissions**: `--allow-net=HOST` for the control connection and the data connections;
 * `--allow-read` and `--allow-write` for the local side of a tree.
 *
 * @module
 */

export * from "./client.ts";
export * from "./codec.ts";
export * from "./listing.ts";
export * from "./tree.ts";
