/**
 * Removes from the streams of Redis what the copies no longer keep.
 *
 * **Permissions**: those of the connection.
 *
 * @module
 */

import type { Archive, KeepLimits } from "../archive/archive.ts";
import type { BusKeys } from "./keys.ts";
import { logRecord, numberOf, type StreamEntry } from "./records.ts";
import type { Redis } from "./redis.ts";
import { TRIM } from "./scripts.ts";

/** The parts that the trimming uses. */
export interface TrimmingParts {
  /** The connection. */
  readonly redis: Redis;
  /** The keys of the chat. */
  readonly keys: BusKeys;
  /** The epoch and the node. */
  readonly guard: readonly [string, string];
  /** Returns the keys of all rooms. */
  readonly rooms: () => Promise<readonly string[]>;
  /** The copy, to which the limits were applied. */
  readonly store: Archive;
  /** The limits. Without any, nothing is trimmed. */
  readonly limits: KeepLimits;
}

/** Trims each stream to the first message that the copy keeps, and never beyond a permanent copy. */
export async function trimStreams(parts: TrimmingParts): Promise<void> {
  const { redis, keys, guard, store, limits } = parts;
  if (limits.age === undefined && limits.messages === undefined && limits.size === undefined) {
    return;
  }
  const safe = await persisted(redis, keys);
  for (const room of await parts.rooms()) {
    const [first] = (await store.history(room, { after: 0, limit: 1 })).messages;
    if (first === undefined) continue;
    const bound = Math.min(first.seq, safe + 1);
    await redis.run(TRIM, [...keys.fixed, keys.room(room), keys.erased(room)], [
      ...guard,
      room,
      `${bound}`,
    ]);
  }
}

/** Returns the number of the line up to which all permanent copies have everything. */
async function persisted(redis: Redis, keys: BusKeys): Promise<number> {
  const key = keys.of("log");
  if (await redis.command(["EXISTS", key]) === 0) return 0;
  const groups = await redis.command(["XINFO", "GROUPS", key], { key }) as unknown[][];
  const positions = groups.map((group) => {
    const at = group.indexOf("last-delivered-id");
    return numberOf(`${group[at + 1]}`);
  });
  if (positions.length === 0) return Infinity;
  // The last line of the log at or before the position.
  for (let upTo = `${Math.min(...positions)}-0`;;) {
    const args = ["XREVRANGE", key, upTo, "-", "COUNT", "100"];
    const records = (await redis.command(args) as StreamEntry[]).map(logRecord);
    const line = records.find(({ type }) => type === "e");
    if (line !== undefined) return line.seq;
    const first = records.at(-1);
    if (first === undefined) return 0;
    upTo = `(${first.pos}-0`;
  }
}
