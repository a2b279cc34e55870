import { delay } from "@std/async/delay";
import { NetError, toNetError } from "../errors/errors.ts";
import { closeQuietly } from "./dial.ts";
import { socketPath } from "./host_rules.ts";
import type { ServeOptions } from "../tcp/server_options.ts";
import { SERVE } from "./listen.ts";
import { group, limit, OptionRules, required, rule, type RuleSet } from "./options.ts";
import { PROXY_PROTOCOL } from "./proxy_header.ts";

/** Where a server listens. */
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
 * Makes room for a socket, opens it and sets its permissions, or says in a {@linkcode NetError} why
 * that is impossible.
 *
 * @param socket Where it is to be.
 * @param open Listens there.
 * @param close Undoes that, if the permissions cannot be set.
 */
export async function listenUnix<L>(
  { path, mode = 0o600 }: UnixSocket,
  open: () => L,
  close: (listener: L) => void,
): Promise<L> {
  let listener: L;
  try {
    while (!await vacate(path)) { /* Somebody was faster, at whatever: look again. */ }
    listener = open();
  } catch (error) {
    throw toNetError(error, { phase: "listen", path });
  }
  try {
    // No instant lies between, and the usual umask lets nobody else in before.
    Deno.chmodSync(path, mode);
  } catch (error) {
    close(listener);
    throw toNetError(error, { phase: "listen", path });
  }
  return listener;
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
