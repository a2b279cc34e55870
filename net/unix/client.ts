/**
 * A client for Unix sockets, which connect programs on one machine.
 *
 * @example Connect and read a line
 * ```ts
 * import { connectUnix, serveUnix } from "@portside/kit/net/unix";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/app.sock`;
 * await using server = await serveUnix({ path }, (conn) => conn.write("ready\n"));
 * await using conn = await connectUnix({ path, timeout: 2000 });
 * assertEquals(await conn.readLine({ timeout: 1000 }), "ready");
 * ```
 *
 * **Permissions**: `--allow-read=<path> --allow-write=<path> --allow-net=unix:<path>`. It does not
 * work on Windows.
 *
 * @module
 */

import { Connection } from "../connection/connection.ts";
import type { ConnectOptions } from "../tcp/connect_options.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { withDeadline } from "../internal/deadline.ts";
import { CONNECTION } from "../internal/connection_limits.ts";
import { closeQuietly, CONNECT, dialWithRetry } from "../internal/dial.ts";
import { socketPath } from "../internal/host_rules.ts";
import { OptionRules, required } from "../internal/options.ts";

/** Options of {@linkcode connectUnix}. */
export interface ConnectUnixOptions extends ConnectOptions {
  /** The path of the socket. */
  path: string;
}

const CONNECT_UNIX = new OptionRules<ConnectUnixOptions>({
  ...CONNECT.rules,
  path: required(socketPath),
});

/**
 * Opens a connection to a Unix socket.
 *
 * @param options The path of the socket, and the limits.
 * @returns The open connection; close it or dispose of it.
 * @throws {NetError} Of kind "refused" if the socket does not exist or no server listens on it,
 * "timeout" if the server does not accept, "permission" and others.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example A socket that does not exist
 * ```ts
 * import { NetError } from "@portside/kit/net/errors";
 * import { connectUnix } from "@portside/kit/net/unix";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/none.sock`;
 * const error = await assertRejects(() => connectUnix({ path }), NetError);
 * assertEquals([error.kind, error.code], ["refused", "ENOENT"]);
 * ```
 */
export async function connectUnix(options: ConnectUnixOptions): Promise<Connection> {
  options = CONNECT_UNIX.check("connectUnix", options);
  CONNECTION.assume(options);
  return new Connection(await dialWithRetry(options, dialUnix), options);
}

async function dialUnix({ path, timeout = 10_000, signal }: ConnectUnixOptions) {
  signal?.throwIfAborted();
  const opening = Deno.connect({ transport: "unix", path });
  let given = false;
  const address = `unix:${path}`;
  const late = () =>
    new NetError(`Cannot connect to ${address}: no answer in ${timeout} ms`, {
      kind: "timeout",
      phase: "connect",
      address,
    });
  try {
    const conn = await withDeadline(opening, timeout, late, signal);
    given = true;
    return conn;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw toNetError(error, { phase: "connect", path });
  } finally {
    // Connecting cannot be cancelled. A connection that opens too late is closed at once.
    if (!given) opening.then(closeQuietly, () => {});
  }
}
