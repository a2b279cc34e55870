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

import { delay } from "@std/async/delay";
import { NetError, toNetError } from "../errors/errors.ts";
import { checkPath, closeQuietly } from "../internal/dial.ts";
import { checkOptions } from "../internal/listen.ts";
import { Server } from "../internal/listening_server.ts";
import type { ConnectionHandler, ServeOptions, StreamServer } from "../tcp/server_options.ts";

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
}

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
  const { path, mode = 0o600 } = options;
  checkOptions(options);
  checkPath(path);
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw new RangeError(`Cannot use mode ${mode}: it is a number from 0 to 0o777`);
  }
  let listener: Deno.UnixListener;
  try {
    while (!await vacate(path)) { /* Somebody was faster, at whatever: look again. */ }
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw toNetError(error, { phase: "listen", path });
  }
  try {
    // No instant lies between, and the usual umask lets nobody else in before.
    Deno.chmodSync(path, mode);
  } catch (error) {
    listener.close();
    throw toNetError(error, { phase: "listen", path });
  }
  return new Server(listener, { scheme: "unix", prepare: () => ({}) }, options, handler);
}

/** Makes room at `path`; false if what stood there has changed while it was asked. */
async function vacate(path: string): Promise<boolean> {
  const before = look(path);
  if (before === undefined) return true;
  if (!before.isSocket) throw inUse(path, "there is a file that is no socket");
  if (await answers(path)) throw inUse(path, "somebody listens there");
  const now = look(path);
  if (now?.ino !== before.ino || now.mtime?.getTime() !== before.mtime?.getTime()) return false;
  Deno.removeSync(path);
  return true;
}

function look(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether somebody listens; one whose backlog is full does. */
async function answers(path: string): Promise<boolean> {
  const asking = Deno.connect({ transport: "unix", path }).then((conn) => {
    closeQuietly(conn);
    return true;
  }, (error) => {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
  const giveUp = new AbortController();
  try {
    return await Promise.race([asking, delay(1000, giveUp).then(() => true)]);
  } finally {
    giveUp.abort();
  }
}

function inUse(path: string, why: string): NetError {
  return new NetError(`Cannot listen on unix:${path}: ${why}`, {
    kind: "address-in-use",
    phase: "listen",
    address: `unix:${path}`,
  });
}
