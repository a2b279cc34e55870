import { closeQuietly } from "./close_quietly.ts";

/**
 * Connects by `Deno.connect`. A connection that opens after an abort is closed.
 *
 * @param hostname A name or an address. Deno tries all addresses of a name.
 * @param port The TCP port to connect to.
 * @param signal The signal of this call alone, because its method `throwIfAborted` is replaced.
 */
export async function connectByDeno(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  // Deno.connect calls this method after it has connected, and would then leak the connection.
  signal.throwIfAborted = () => {};
  const conn = await Deno.connect({ hostname, port, signal }).catch((error) => {
    throw signal.aborted ? signal.reason : error;
  });
  if (!signal.aborted) return conn;
  closeQuietly(conn);
  throw signal.reason;
}
