import { closeQuietly } from "../../net/internal/close_quietly.ts";

/** Delay before the next address is tried, too, in milliseconds (RFC 8305 §5). */
const STAGGER = 250;

/** Connects to one address. */
type Connect<C> = (hostname: string, port: number, signal: AbortSignal) => Promise<C>;

function connectByDeno(hostname: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port, signal });
}

/** Returns the first connection. The next address is tried when one fails or is slow. */
export function dialAny(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  return dialAnyBy(connectByDeno, addresses, port, signal);
}

/** Works like {@linkcode dialAny}, with another function to connect. */
export async function dialAnyBy<C extends { close(): void }>(
  connect: Connect<C>,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<C> {
  if (addresses.length === 1) return await connect(addresses[0]!, port, signal);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const turns = addresses.map(() => Promise.withResolvers<void>());
  const timers = turns.map(({ resolve }, index) => setTimeout(resolve, index * STAGGER));
  turns[0]?.resolve();
  let won = false;
  const one = async (hostname: string, index: number) => {
    await orAbort(turns[index]!.promise, either);
    try {
      const conn = await connect(hostname, port, either);
      if (won) closeQuietly(conn);
      won = true;
      return conn;
    } catch (error) {
      turns[index + 1]?.resolve();
      throw error;
    }
  };
  try {
    return await Promise.any(addresses.map(one));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    stop.abort();
    timers.forEach(clearTimeout);
  }
}

/** Returns the result of work, or throws the reason of the signal if it is aborted first. */
export async function orAbort<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Returns whether a host is an IP address and not a name. */
export function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(hostname);
}
