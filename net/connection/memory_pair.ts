/**
 * Two connected ends in memory, optionally with the faults of a bad network. Tests of handlers and
 * protocols need neither sockets nor permissions this way.
 *
 * @example Test a handler without a network
 * ```ts
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = memoryPair({ faults: { chunkSize: 1 } });
 * await using _client = client;
 * await using _server = server;
 * await client.write("one byte at a time\n");
 * assertEquals(await server.readLine(), "one byte at a time");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { type MemoryTransportOptions, memoryTransports } from "../internal/memory_transports.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./options.ts";
import { CONNECTION } from "../internal/connection_limits.ts";
import { TRANSPORTS } from "../internal/memory_transports.ts";
import { OptionRules } from "../internal/options.ts";

export type { Faults, MemoryTransportOptions } from "../internal/memory_transports.ts";

/** Options of {@linkcode memoryPair}. */
export interface MemoryPairOptions extends MemoryTransportOptions, ConnectionOptions {}

const PAIR = new OptionRules<MemoryPairOptions>({ ...TRANSPORTS.rules, ...CONNECTION.rules });

/**
 * Creates two connected {@linkcode Connection}s.
 *
 * @param options The capacity, the faults, and the limits of both connections.
 * @returns The two ends. Bytes written to one arrive at the other.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example Half-close
 * ```ts
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = memoryPair();
 * await using _a = a;
 * await using _b = b;
 * await a.closeWrite();
 * assertEquals(await b.readChunk(), null);
 * await b.write("still open");
 * assertEquals(new TextDecoder().decode(await a.readExact(10)), "still open");
 * ```
 */
export function memoryPair(options: MemoryPairOptions = {}): [Connection, Connection] {
  options = PAIR.check("memoryPair", options);
  TRANSPORTS.assume(options);
  CONNECTION.assume(options);
  const [a, b] = memoryTransports(options);
  return [new Connection(a, options), new Connection(b, options)];
}
