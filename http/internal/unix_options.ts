/** The base URL of a server on a Unix socket, where the host of a request has no meaning. */
export const UNIX_URL = "http://localhost";

/** The options for the network address of a server. */
const OF_TCP = ["hostname", "port", "sharePort", "backlog"];

/**
 * Rejects options that have no meaning on a Unix socket.
 *
 * @param options The options of the caller.
 * @param more The names of further such options, besides those of TCP.
 * @throws {TypeError} If such an option is set.
 */
export function checkUnixOnly(options: object, more: readonly string[]): void {
  const given = options as Readonly<Record<string, unknown>>;
  const wrong = [...OF_TCP, ...more].find((name) => given[name] !== undefined);
  if (wrong === undefined) return;
  throw new TypeError(
    `Cannot use path and ${wrong}: ${wrong} has no meaning on a Unix socket`,
  );
}

/** Rejects `mode` for a server without a socket file. The options have not been checked yet. */
export function checkTcpOnly(options: object): void {
  if ((options as { readonly mode?: unknown } | null | undefined)?.mode === undefined) return;
  throw new TypeError("Cannot use mode without path: it is for the file of a Unix socket");
}
