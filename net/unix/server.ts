/**
 * A server on a Unix socket, which connects programs on one machine. The permissions of the socket
 * file control access.
 *
 * The server replaces a socket file that a dead server has left behind. It never replaces a socket
 * with a listening server, or another kind of file.
 *
 * **Permissions**: `--allow-read=<path> --allow-write=<path> --allow-net=unix:<path>`. It does not
 * work on Windows.
 *
 * @module
 */

import { UnixListener } from "./_listener.ts";
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
  /** The path of the socket, at most 107 bytes, on macOS 103. */
  path: string;
  /**
   * The permission bits of the socket file. They decide which users may connect.
   *
   * @default 0o600, which allows only the user of this process
   */
  mode?: number;
  /**
   * Maximum number of open connections from one address; 0 for no limit. All peers on the socket
   * have the same address, except the clients that a PROXY header names. Further connections are
   * closed at once.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /**
   * Reads headers of the PROXY protocol from all peers if `trusted` contains `unix:`. See
   * `ServeTcpOptions`. Clients that a header names have a TCP address.
   *
   * @default no headers are read
   */
  proxyProtocol?: ServeTcpOptions["proxyProtocol"];
}

const SERVE_UNIX = new OptionRules<ServeUnixOptions>(SERVE_UNIX_RULES);

/**
 * Starts a server on a Unix socket. The socket file is removed when the server shuts down.
 *
 * Another file that is at the path by then stays, for example the socket of the next server. This
 * requires read and write permission for the folder, since the file gets a second name for a moment.
 * With permission for the path alone, Deno removes the file.
 *
 * @param options The path of the socket, and the limits.
 * @param handler The function that serves each connection.
 * @returns The running server; shut it down or dispose of it.
 * @throws {NetError} In phase "listen", of kind "address-in-use" if a server listens on the socket
 * or the file is not a socket, "address-unavailable" if the folder does not exist, "permission" and
 * others.
 * @throws {RangeError | TypeError} If an option is invalid or the handler is missing.
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
  options = SERVE_UNIX.check("serveUnix", options);
  callback("handler", handler);
  const { path } = options;
  const open = () => new UnixListener(Deno.listen({ transport: "unix", path }));
  const listener = await listenUnix(options, open, (listener) => listener.close());
  return new Server(listener, { scheme: "unix" }, options, handler);
}
