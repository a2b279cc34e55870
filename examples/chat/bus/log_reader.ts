/**
 * Reads what nodes tell each other from the streams of Redis.
 *
 * **Permissions**: those of the connection.
 *
 * @module
 */

import type { Entry, FileRecord, UserRecord } from "../archive/archive.ts";
import { ArchiveError } from "../archive/archive_error.ts";
import { isTraced } from "../tracing.ts";
import type { BusKeys } from "./keys.ts";
import {
  decodeEntry,
  decodeOwner,
  decodeUser,
  type LogRecord,
  logRecord,
  type Owner,
  type StreamEntry,
} from "./records.ts";
import type { Redis } from "./redis.ts";

/** The most records that are read at once. */
const PORTION = 1000;

/** The time for which Redis waits for a record, in milliseconds. */
const BLOCK = 1000;

/** Records that are missing: the log was trimmed, or a record was lost. */
export class LogGap extends Error {
  /** The name of the class. */
  override readonly name = "LogGap";
}

/** The replicas of Redis that must have what a node reads. */
export interface Copies {
  /** The number; 0 if nobody asks. */
  readonly count: number;
  /** The time that they may take, in milliseconds. */
  readonly timeout: number;
}

/** A record of the log; a line with its content, unless it was removed from its stream. */
export type Told = LogRecord & { readonly entry?: Entry };

/** Reads the streams of one chat. */
export class LogReader {
  readonly #redis: Redis;
  readonly #keys: BusKeys;
  readonly #copies: Copies;

  /**
   * @param redis A connection for reading alone, because reading waits.
   * @param keys The keys of the chat.
   * @param copies The replicas that must have a record before a node takes it.
   */
  constructor(redis: Redis, keys: BusKeys, copies: Copies = { count: 0, timeout: 0 }) {
    this.#redis = redis;
    this.#keys = keys;
    this.#copies = copies;
  }

  /**
   * Returns the records after a position with a mark, or nothing if none comes within a second.
   *
   * @throws {LogGap} If records are missing.
   * @throws {ArchiveError} If Redis, or too few of its replicas, have the records.
   */
  async next(after: number, mark: string): Promise<readonly Told[]> {
    const args = ["XREAD", "COUNT", `${PORTION}`, "BLOCK", `${BLOCK}`, "STREAMS"];
    const reply = await this.#redis.command([...args, this.#keys.of("log"), `${after}-0`], {
      key: this.#keys.of("log"),
      wait: BLOCK,
    }) as [string, StreamEntry[]][] | null;
    const records = (reply?.[0]?.[1] ?? []).map(logRecord);
    let [last, known] = [after, mark];
    for (const { pos, previous, mark } of records) {
      if (pos !== last + 1 || previous !== known) {
        throw new LogGap(`Records are missing after ${last}`);
      }
      [last, known] = [pos, mark];
    }
    if (records.length > 0) await this.requireCopies(last, known);
    return await this.#withEntries(records);
  }

  /**
   * Resolves when the replicas have everything up to a position. `WAIT` counts the replicas that have the last
   * write of its own connection. After a failover, Redis can be another server between two commands, so the
   * record must still be there afterwards.
   */
  async requireCopies(position: number, mark: string): Promise<void> {
    const { count, timeout } = this.#copies;
    if (count === 0) return;
    const [key, id] = [this.#keys.written, `${position}-0`];
    const [, copies, records] = await Promise.all([
      this.#redis.command(["SET", key, "1"]),
      this.#redis.command(["WAIT", `${count}`, `${timeout}`], { key, wait: timeout }),
      this.#redis.command(["XRANGE", this.#keys.of("log"), id, id], { wait: timeout }),
    ]);
    if (Number(copies) < count) {
      const text = `${copies} of ${count} replicas of Redis have the lines`;
      throw new ArchiveError("unreachable", text);
    }
    const [record] = (records as StreamEntry[]).map(logRecord);
    if (record?.mark !== mark) throw new LogGap(`Redis has lost the record ${position}`);
  }

  /** Adds the contents of lines, with one question for each room. */
  async #withEntries(records: readonly LogRecord[]): Promise<Told[]> {
    const ranges = new Map<string, { from: number; to: number; count: number }>();
    for (const { type, room, seq } of records) {
      if (type !== "e") continue;
      const range = ranges.get(room);
      if (range === undefined) ranges.set(room, { from: seq, to: seq, count: 1 });
      else [range.to, range.count] = [seq, range.count + 1];
    }
    const entries = new Map<number, Entry>();
    await Promise.all(Array.from(ranges, async ([room, { from, to, count }]) => {
      const present = await this.#range(room, from, to);
      const rest = present.length < count ? await this.#erased(room, from, to) : [];
      for (const entry of [...present, ...rest]) entries.set(entry.seq, entry);
    }));
    return records.map((record) => {
      const entry = record.type === "e" ? entries.get(record.seq) : undefined;
      if (entry === undefined) return record;
      const isPlain = !isTraced || record.trace === "";
      return { ...record, entry: isPlain ? entry : { ...entry, trace: record.trace } };
    });
  }

  async #range(room: string, from: number, to: number, limit = Infinity): Promise<Entry[]> {
    const count = limit === Infinity ? [] : ["COUNT", `${limit}`];
    const args = ["XRANGE", this.#keys.room(room), `${from}-0`, `${to}-0`, ...count];
    return (await this.#redis.command(args) as StreamEntry[]).map(decodeEntry);
  }

  /** Returns what stands for the deleted messages between two numbers. */
  async #erased(room: string, from: number, to: number): Promise<Entry[]> {
    const all = Array.from(await this.#hash(this.#keys.erased(room)));
    return all.map(([seq, data]) => decodeEntry([`${seq}-0`, ["d", data]]))
      .filter(({ seq }) => seq >= from && seq <= to)
      .sort((a, b) => a.seq - b.seq);
  }

  /** Returns the keys of all rooms and conversations. */
  async rooms(): Promise<string[]> {
    return await this.#redis.command(["SMEMBERS", this.#keys.of("rooms")]) as string[];
  }

  /** Yields the lines of a room between two numbers, in portions: the erased messages first. */
  async *lines(room: string, from: number, to: number): AsyncGenerator<readonly Entry[]> {
    const erased = await this.#erased(room, from, to);
    if (erased.length > 0) yield erased;
    for (let next = from; next <= to;) {
      const portion = await this.#range(room, next, to, PORTION);
      if (portion.length === 0) return;
      yield portion;
      next = portion.at(-1)!.seq + 1;
    }
  }

  /** Returns the number of the last line that each room can lack. */
  async floors(): Promise<Map<string, number>> {
    const all = await this.#hash(this.#keys.of("floors"));
    return new Map(Array.from(all, ([room, floor]) => [room, Number(floor)]));
  }

  /** Returns all files. */
  async files(): Promise<FileRecord[]> {
    return Array.from(
      (await this.#hash(this.#keys.of("files"))).values(),
      (text) => JSON.parse(text),
    );
  }

  /** Returns all users, with the owners of those who are in the chat. */
  async users(): Promise<{ user: UserRecord & { id: number }; owner: Owner | undefined }[]> {
    const [users, owners] = await Promise.all([
      this.#hash(this.#keys.of("users")),
      this.#hash(this.#keys.of("owners")),
    ]);
    return Array.from(users, ([id, data]) => {
      const text = owners.get(id);
      const owner = text === undefined ? undefined : decodeOwner(text);
      return { user: decodeUser(Number(id), owner?.state ?? "gone", data), owner };
    });
  }

  /** Returns the user who holds a token. */
  async userByToken(tokenHash: string): Promise<UserRecord | undefined> {
    const id = await this.#field("tokens", tokenHash);
    if (id === null) return undefined;
    const [data, owner] = await Promise.all([
      this.#field("users", id),
      this.#field("owners", id),
    ]);
    if (data === null) return undefined;
    return decodeUser(Number(id), owner === null ? "gone" : decodeOwner(owner).state, data);
  }

  async #field(key: "tokens" | "users" | "owners", field: string): Promise<string | null> {
    return await this.#redis.command(["HGET", this.#keys.of(key), field]) as string | null;
  }

  async #hash(key: string): Promise<Map<string, string>> {
    const reply = await this.#redis.command(["HGETALL", key]);
    if (!Array.isArray(reply)) return new Map(Object.entries(reply as Record<string, string>));
    const pairs = new Map<string, string>();
    for (let i = 0; i + 1 < reply.length; i += 2) pairs.set(`${reply[i]}`, `${reply[i + 1]}`);
    return pairs;
  }
}
