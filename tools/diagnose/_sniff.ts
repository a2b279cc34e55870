import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { type Greeting, identifyGreeting } from "../internal/greeting.ts";
import { openConnection, type Site } from "./_open_connection.ts";
import type { Walk } from "./_timed_step.ts";

/** Maximum time for which a server may keep silent before it greets, in milliseconds. */
const PATIENCE = 1000;
/** Maximum number of bytes of an answer that are looked at. */
const MAX_BYTES = 1024;

/**
 * Finds out the protocol of a port without TLS: waits for a greeting, and then asks as an HTTP client.
 * Returns undefined if the port is silent or the protocol is unknown.
 */
export async function sniff(
  walk: Walk,
  site: Site,
  address: string,
): Promise<Greeting | undefined> {
  try {
    await using conn = await openConnection(walk, site, address);
    const greeting = await read(conn, walk);
    if (greeting !== undefined) return identifyGreeting(greeting);
    await conn.write(`HEAD / HTTP/1.1\r\nHost: ${site.host}\r\nConnection: close\r\n\r\n`);
    const answer = await read(conn, walk);
    return answer && identifyGreeting(answer);
  } catch (error) {
    walk.signal?.throwIfAborted();
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

/** Returns the first bytes of a server; undefined if it is silent. */
async function read(
  conn: Connection,
  { timeout, signal }: Walk,
): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(MAX_BYTES);
  try {
    const limits = { timeout: Math.min(timeout, PATIENCE), ...(signal && { signal }) };
    const size = await conn.read(buffer, limits);
    return size === null ? undefined : buffer.subarray(0, size);
  } catch (error) {
    if (error instanceof NetError && error.kind === "timeout" && conn.open) return undefined;
    throw error;
  }
}
