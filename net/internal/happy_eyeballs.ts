import { closeQuietly } from "./close_quietly.ts";
import { orAbort } from "./or_abort.ts";

/** Delay in milliseconds before the next address is tried, too (RFC 8305 §5). */
const STAGGER = 250;

/**
 * Tries the addresses of a host, and returns the first connection. The next address is tried when one
 * fails or is slow. `Deno.connect` does the same with the addresses of a name.
 *
 * @param addresses The addresses, the preferred one first.
 * @param signal Ends all attempts when it aborts.
 * @param connect Connects to one address. Its signal belongs to this attempt alone.
 */
export async function connectToFirst<C extends { close(): void }>(
  addresses: readonly string[],
  signal: AbortSignal,
  connect: (address: string, signal: AbortSignal) => Promise<C>,
): Promise<C> {
  if (addresses.length === 1) return await connect(addresses[0]!, AbortSignal.any([signal]));
  const stop = new AbortController();
  const turns = addresses.map(() => Promise.withResolvers<void>());
  const timers = turns.slice(1).map(({ resolve }, index) =>
    setTimeout(resolve, (index + 1) * STAGGER)
  );
  turns[0]?.resolve();
  let first: C | undefined;
  const attempts = addresses.map(async (address, index) => {
    const own = AbortSignal.any([signal, stop.signal]);
    await orAbort(turns[index]!.promise, own);
    own.throwIfAborted();
    try {
      const connection = await connect(address, own);
      // Two connections may open at the same time.
      if (first !== undefined || own.aborted) closeQuietly(connection);
      if (own.aborted) throw own.reason;
      return first ??= connection;
    } catch (error) {
      turns[index + 1]?.resolve();
      throw error;
    }
  });
  try {
    return await Promise.any(attempts);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    timers.forEach(clearTimeout);
    stop.abort();
  }
}
