import { delay } from "@std/async/delay";
import { NetError, toNetError } from "../errors/errors.ts";
import { closeQuietly } from "./dial.ts";
import { socketPath } from "./host_rules.ts";
import type { ServeOptions } from "../tcp/server_options.ts";
import { SERVE } from "./listen.ts";
import { group, limit, OptionRules, required, rule, type RuleSet } from "./options.ts";
import { PROXY_PROTOCOL } from "./proxy_header.ts";

/** The socket that a server listens on. */
export interface UnixSocket {
  readonly path: string;
  /** The permission bits of the file. @default 0o600 */
  readonly mode?: number | undefined;
}

/** The rules for the options of a socket to listen on. */
export const UNIX_SOCKET = new OptionRules<UnixSocket>({
  path: required(socketPath),
  mode: rule(
    "an integer from 0 to 0o777",
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777,
  ),
});

/** The rules for the options of `serveUnix`. */
export const SERVE_UNIX_RULES = {
  ...SERVE.rules as RuleSet<ServeOptions<Deno.UnixAddr>>,
  ...UNIX_SOCKET.rules,
  maxConnectionsPerAddress: limit,
  proxyProtocol: group(PROXY_PROTOCOL),
};

/**
 * Removes a stale socket, opens a new one and sets its permissions. Throws a {@linkcode NetError} if
 * that is impossible.
 *
 * @param socket The path and the permissions of the socket.
 * @param open A function that opens the socket.
 * @param close A function that closes the socket if its permissions cannot be set.
 */
export async function listenUnix<L>(
  { path, mode = 0o600 }: UnixSocket,
  open: () => L,
  close: (listener: L) => void,
): Promise<L> {
  let listener: L;
  try {
    while (!await vacate(path)) { /* The file has changed meanwhile, so look again. */ }
    listener = open();
  } catch (error) {
    throw toNetError(error, { phase: "listen", path });
  }
  try {
    // No other code runs in between, and the usual umask protects the socket until then.
    Deno.chmodSync(path, mode);
  } catch (error) {
    close(listener);
    throw toNetError(error, { phase: "listen", path });
  }
  return listener;
}

/** Removes a stale socket at `path`. Returns false if the file has changed meanwhile. */
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

/** Returns whether a server listens on the socket. A server with a full backlog does. */
async function answers(path: string): Promise<boolean> {
  const asking = Deno.connect({ transport: "unix", path }).then((conn) => {
    closeQuietly(conn);
    return true;
  }, (error) => {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    if (error instanceof Deno.errors.NotFound) return false;
    // A server that is closing. It has not removed its file yet, and would remove ours.
    if (error instanceof Deno.errors.ConnectionReset) return true;
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
