/**
 * A server on a Unix socket: {@linkcode serveTcp} for the programs of one
 * machine, with the permissions of a file.
 *
 * A socket file that a dead server left behind is taken over. One that
 * somebody listens on, and a file that is no socket, are never touched.
 *
 * @example Answer every line
 * ```ts
 * import { connectUnix, serveUnix } from "@portside/kit/net/unix";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/app.sock`;
 * await using server = await serveUnix({ path }, async (conn) => {
 *   for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
 * });
 * await using client = await connectUnix({ path });
 * await client.write("hello\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "you said hello");
 * ```
 *
 * **Permissions**: `--allow-read=<path> --allow-write=<path>` for the socket, and
 * `--allow-net=unix:<path>`, which Deno asks for too. Not on Windows.
 *
 * @module
 */

import { Server } from "../internal/listening_server.ts";
import { callback, OptionRules } from "../internal/options.ts";
import { listenUnix, SERVE_UNIX_RULES } from "../internal/unix_socket.ts";
import type {
  ConnectionHandler,
  ServeOptions,
  ServeTcpOptions,
  StreamServer,
} from "../tcp/server_options.ts";

/** Options of {@linkcode serveUnix}. */
export interface ServeUnixOptions extends ServeOptions<Deno.UnixAddr> {
  /** Where the socket is to be, at most 107 bytes. */
  path: string;
  /**
   * Who may connect, as the permission bits of the file.
   *
   * @default 0o600, the user of this process alone
   */
  mode?: number;
  /**
   * The most connections at a time from one address. All peers on the socket count as one, but for
   * the clients that `proxyProtocol` names; more are closed at once.
   *
   * @default 0, no limit
   */
  maxConnectionsPerAddress?: number;
  /**
   * Reads the header of the PROXY protocol of every peer, if `trusted` has `unix:`; see
   * `ServeTcpOptions`. A client that it names has a TCP address.
   *
   * @default no header is read
   */
  proxyProtocol?: ServeTcpOptions["proxyProtocol"];
}

const SERVE_UNIX = new OptionRules<ServeUnixOptions>(SERVE_UNIX_RULES);

/**
 * Starts a server on a Unix socket. When it closes, the file goes too.
 *
 * @param options Where to listen, and the limits.
 * @param handler Called for each connection.
 * @returns The running server.
 * @throws {NetError} In phase "listen": "address-in-use" if somebody listens there or the file is
 * no socket, "address-unavailable" if there is no such folder, "permission" …
 * @throws {RangeError | TypeError} If an option is out of range.
 *
 * @example A socket that is in use stays in use
 * ```ts
 * import { NetError } from "@portside/kit/net/errors";
 * import { serveUnix } from "@portside/kit/net/unix";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/app.sock`;
 * await using _first = await serveUnix({ path }, () => {});
 * const error = await assertRejects(() => serveUnix({ path }, () => {}), NetError);
 * assertEquals(error.kind, "address-in-use");
 * ```
 */
export async function serveUnix(
  options: ServeUnixOptions,
  handler: ConnectionHandler<Deno.UnixAddr>,
): Promise<StreamServer<Deno.UnixAddr>> {
  SERVE_UNIX.check("serveUnix", options);
  callback("handler", handler);
  const { path } = options;
  const open = () => Deno.listen({ transport: "unix", path });
  const listener = await listenUnix(options, open, (listener) => listener.close());
  return new Server(listener, { scheme: "unix" }, options, handler);
}
