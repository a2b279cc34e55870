/** The base URL of a server on a Unix socket, where the host of a request says nothing. */
export const UNIX_URL = "http://localhost";

/** The options that say where on the network a server listens. */
const OF_TCP = ["hostname", "port", "sharePort", "backlog"];

/**
 * Refuses options that a server on a Unix socket has no use for.
 *
 * @param options What was given.
 * @param more The names of such options, besides those of TCP.
 * @throws {TypeError} If one of them is set.
 */
export function checkUnixOnly(options: object, more: readonly string[]): void {
  const given = options as Readonly<Record<string, unknown>>;
  const wrong = [...OF_TCP, ...more].find((name) => given[name] !== undefined);
  if (wrong === undefined) return;
  throw new TypeError(
    `Cannot use path and ${wrong}: ${wrong} has no meaning on a Unix socket`,
  );
}

/** Refuses `mode` for a server that has no file. */
export function checkTcpOnly(options: object): void {
  if ((options as { readonly mode?: unknown }).mode === undefined) return;
  throw new TypeError("Cannot use mode without path: it says who may open a Unix socket");
}
