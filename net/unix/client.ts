/**
 * Dials a Unix socket: `connectTcp` for the programs of one machine.
 *
 * @example Ask and read the answer
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
 * **Permissions**: `--allow-read=<path> --allow-write=<path>` for the socket, and
 * `--allow-net=unix:<path>`, which Deno asks for too. Not on Windows.
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
  /** Where the socket is. */
  path: string;
}

const CONNECT_UNIX = new OptionRules<ConnectUnixOptions>({
  ...CONNECT.rules,
  path: required(socketPath),
});

/**
 * Opens a connection to a Unix socket.
 *
 * @param options Where to connect to, and the limits.
 * @returns The connection.
 * @throws {NetError} "refused" if nobody listens there or there is no such socket, "timeout" if
 * nobody accepts, "permission" …
 * @throws {RangeError | TypeError} If an option is out of range.
 *
 * @example No such socket
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
  CONNECT_UNIX.check("connectUnix", options);
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
    // It cannot be called off: what comes too late is closed when it comes.
    if (!given) opening.then(closeQuietly, () => {});
  }
}
