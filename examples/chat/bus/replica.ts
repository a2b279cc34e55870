/**
 * The copy of the chat that a node reads from. It takes the records of the log in their order.
 *
 * **Permissions**: those of the connection, and those of the copy.
 *
 * @module
 */

import type { Appended, Archive, Entry, FileRecord, StoredEvent } from "../archive/archive.ts";
import { ArchiveError } from "../archive/archive_error.ts";
import type { Follower } from "../archive/shared_archive.ts";
import { beginSpans, endSpans, isTraced, Kind } from "../tracing.ts";
import { Eraser } from "./erasing.ts";
import type { BusGauges } from "./gauges.ts";
import type { BusKeys } from "./keys.ts";
import { LogGap, type LogReader, type Told } from "./log_reader.ts";
import { decodeUser } from "./records.ts";
import { type Redis, RedisRefusal } from "./redis.ts";

/** An archive that can be the copy of a node. It stores entries under the numbers that they have. */
export interface ReplicaStore extends Archive {
  /** The id of the copy, which a permanent one keeps; undefined before it has an epoch. */
  readonly copyId: string | undefined;
  /** Takes the id of the chat in Redis. The store is empty. */
  adoptEpoch(epoch: string): Promise<void>;
}

/** The most lines that enter the copy at once. */
const PORTION = 2000;

/** The time between two notes of the position of a permanent copy, in milliseconds. */
const NOTE_INTERVAL = 1000;

/** The parts of a copy. */
export interface ReplicaParts {
  /** Reads the log, on a connection of its own. */
  readonly log: LogReader;
  /** The connection for commands. */
  readonly redis: Redis;
  /** Reads the log on this connection. */
  readonly asks: LogReader;
  /** The keys of the chat. */
  readonly keys: BusKeys;
  /** Whether the copy is permanent. */
  readonly isPermanent: boolean;
  /** The counters of the node. */
  readonly gauges: BusGauges;
}

/** A position with its mark. */
export type Place = readonly [position: number, mark: string];

/** The number of marks that are kept. */
const MARKS = 4096;

/** Someone who waits for a record. */
interface Waiter {
  readonly pos: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** The copy of one node. */
export class Replica {
  /** The position of the last record that the copy has. */
  position = 0;
  /** The mark of this record. */
  mark = "";
  /** The number of the last line that the copy has. */
  lastSeq = 0;
  /** The users for whom this node acts, with the numbers of their claims. */
  readonly owned = new Map<number, string>();
  readonly #parts: ReplicaParts;
  #store: ReplicaStore | undefined;
  #floors = new Map<string, number>();
  /** The results of lines of this node, by number. */
  readonly #results = new Map<number, Appended>();
  /** The results of other records of this node, by position. */
  readonly #answers = new Map<number, unknown>();
  readonly #waiters = new Set<Waiter>();
  /** The last record that Redis has promised to this node, with its mark. */
  #promised: Place = [0, ""];
  /** The marks of the latest records, by position. */
  readonly #marks = new Map<number, string>();
  #notedAt = 0;
  readonly #eraser: Eraser;

  /** Makes a copy, which has no store yet. */
  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#eraser = new Eraser({ redis: parts.redis, log: parts.asks, keys: parts.keys });
  }

  /** The store to read from. */
  get store(): ReplicaStore {
    if (this.#store === undefined) throw new ArchiveError("closed", "The bus was not opened");
    return this.#store;
  }

  /** Returns the store, and makes it if there is none. */
  openStore(make: () => ReplicaStore): ReplicaStore {
    return this.#store ??= make();
  }

  /** Returns the number up to which lines of a room can be missing. */
  floor(room: string): number {
    return this.#floors.get(room) ?? 0;
  }

  /** Removes and returns the result of a line of this node. */
  takeResult(seq: number): Appended | undefined {
    return take(this.#results, seq);
  }

  /** Removes and returns the result of another record of this node. */
  takeAnswer(pos: number): unknown {
    return take(this.#answers, pos);
  }

  /** The position that Redis has, as far as this node knows. */
  get expected(): number {
    return Math.max(this.position, this.#promised[0]);
  }

  /**
   * Takes the position that Redis had after it carried out a script of this node. If another record comes there,
   * Redis has lost what this node did.
   *
   * @throws {LogGap} If the copy has another record there.
   */
  expect([position, mark]: Place): void {
    const known = this.#marks.get(position);
    if (known !== undefined && known !== mark) throw lost(position);
    if (position > this.#promised[0]) this.#promised = [position, mark];
  }

  /** Resolves when the copy has a record. */
  reached(pos: number): Promise<void> {
    if (pos <= this.position) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.add({ pos, resolve, reject }));
  }

  /** Ends all waiting. */
  fail(error: unknown): void {
    this.#promised = [0, ""];
    for (const { reject } of this.#waiters) reject(error);
    this.#waiters.clear();
    this.#results.clear();
    this.#answers.clear();
    this.owned.clear();
  }

  /**
   * Reads what Redis has and the copy does not have.
   *
   * @param bus The id of the chat in Redis, the last number, the last position and its mark.
   * @param make Makes an empty store, in case that Redis has lost its data.
   */
  async load(
    [epoch, last, position, mark]: readonly [string, number, ...Place],
    make: () => ReplicaStore,
  ): Promise<void> {
    const { log, isPermanent } = this.#parts;
    await this.#adopt(epoch, make);
    this.#floors = await log.floors();
    for (const file of await log.files()) await this.#saveFile(file);
    const entries: Entry[] = [];
    const from = Math.max(this.lastSeq, this.store.lastSeq) + 1;
    for (const room of await log.rooms()) {
      for await (const lines of log.lines(room, from, last)) entries.push(...lines);
    }
    entries.sort((a, b) => a.seq - b.seq);
    for (let i = 0; i < entries.length; i += PORTION) {
      await this.store.append(entries.slice(i, i + PORTION));
    }
    await this.store.saveUsers((await log.users()).map(({ user }) => user));
    await log.requireCopies(position, mark);
    this.lastSeq = last;
    [this.position, this.mark] = [position, mark];
    this.#marks.clear();
    this.#promised = [0, ""];
    if (isPermanent) await this.#makeGroup();
  }

  /** Brings the store to the epoch of Redis. */
  async #adopt(epoch: string, make: () => ReplicaStore): Promise<void> {
    if (this.store.epoch === epoch) return;
    const isUsed = this.store.lastSeq > 0 || this.lastSeq > 0;
    if (isUsed && this.#parts.isPermanent) {
      const text =
        "The store has messages of another chat than the bus, or the bus has lost its data; " +
        "use a new file";
      throw new ArchiveError("not-empty", text);
    }
    if (isUsed) {
      await this.store[Symbol.asyncDispose]();
      this.#store = make();
      this.lastSeq = 0;
    }
    await this.store.adoptEpoch(epoch);
  }

  /** Tells a follower of all users in the chat. */
  async introduce(follower: Follower, node: string): Promise<void> {
    for (const { user, owner } of await this.#parts.log.users()) {
      if (owner === undefined) continue;
      const isOwn = owner.node === node;
      if (isOwn) this.owned.set(user.id, owner.fence);
      follower.meet({ ...user, isOwn, isAdopted: isOwn });
    }
  }

  /** Waits for records, and takes them. */
  async advance(follower: Follower, node: string, signal: AbortSignal): Promise<void> {
    const records = await this.#parts.log.next(this.position, this.mark);
    if (records.length === 0) return;
    this.#requirePromised(records);
    await follower.feed(async () => {
      if (!signal.aborted) await this.#take(records, follower, node);
    });
    this.#notePosition();
  }

  /** Compares records with what Redis has promised to this node. */
  #requirePromised(records: readonly Told[]): void {
    const [position, promised] = this.#promised;
    for (const { pos, mark } of records) {
      if (pos === position && mark !== promised) throw lost(pos);
      this.#marks.set(pos, mark);
      this.#marks.delete(pos - MARKS);
    }
  }

  async #take(records: readonly Told[], follower: Follower, node: string): Promise<void> {
    let run: Told[] = [];
    for (const record of records) {
      if (record.pos <= this.position) continue;
      if (record.type === "e") {
        run.push(record);
        continue;
      }
      await this.#takeLines(run, follower, node);
      run = [];
      await this.#takeOther(record, follower, node);
      this.#moveTo(record);
    }
    await this.#takeLines(run, follower, node);
  }

  async #takeLines(records: readonly Told[], follower: Follower, node: string): Promise<void> {
    if (records.length === 0) return;
    // A line without content was removed from its stream.
    const present = records.filter((record) => record.entry !== undefined);
    const edited = await this.#editedBefore(present);
    const read = present.map(({ entry }) => entry!);
    const spans = isTraced ? beginSpans(read, "chat bus read", Kind.consumer) : [];
    const entries = isTraced
      ? read.map((entry, i) => ({ ...entry, trace: spans[i]?.trace }) as Entry)
      : read;
    const results = await this.store.append(entries);
    endSpans(spans);
    const events: StoredEvent[] = [];
    for (const [i, result] of results.entries()) {
      const { seq, node: writer } = present[i]!;
      if (writer === node) this.#results.set(seq, result);
      if (result.outcome !== "stored") continue;
      events.push(result.event);
      const { event } = result;
      if (writer === node && event.kind === "delete") {
        this.#eraser.add(event, [this.store.epoch, node], edited.has(event.target));
      }
    }
    this.#parts.gauges.lines += events.length;
    const last = records.at(-1)!;
    this.lastSeq = last.seq;
    await follower.hear(events);
    this.#moveTo(last);
  }

  /** Returns the numbers of the messages that are edited, and then deleted. */
  async #editedBefore(records: readonly Told[]): Promise<Set<number>> {
    const edited = new Set<number>();
    for (const { entry } of records) {
      if (entry?.kind === "edit") edited.add(entry.target);
      else if (entry?.kind === "delete") {
        const message = await this.store.message(entry.target);
        if (message?.editedAt !== undefined) edited.add(entry.target);
      }
    }
    return edited;
  }

  async #takeOther(record: Told, follower: Follower, node: string): Promise<void> {
    const isOwn = record.node === node && node !== "";
    const answer = (value: unknown) => {
      if (record.node === node) this.#answers.set(record.pos, value);
    };
    switch (record.type) {
      case "u":
        return await this.#takeUser(record, isOwn, follower);
      case "f":
        await this.#saveFile(JSON.parse(record.data));
        return answer(undefined);
      case "x":
        return answer(await this.store.removeFiles(JSON.parse(record.data)));
      case "k":
        return answer(await this.store.forget(Number(record.data)));
    }
  }

  async #takeUser(record: Told, isOwn: boolean, follower: Follower): Promise<void> {
    const { user: id, state, fence, data, isAdopted } = record;
    const user = decodeUser(id, state, data);
    // This node may have claimed the user already, after this record.
    const isNewer = Number(fence) > Number(this.owned.get(id) ?? 0);
    if (isNewer && isOwn && isAdopted && state !== "gone") this.owned.set(id, fence);
    else if (isNewer && !isOwn) this.owned.delete(id);
    // The copy has the own records already, and perhaps later ones.
    if (!isOwn || isAdopted) await this.store.saveUsers([user]);
    follower.meet({ ...user, isOwn, isAdopted });
  }

  /** Saves a file, unless the copy has it. */
  async #saveFile(file: FileRecord): Promise<void> {
    if (await this.store.file(file.id) === undefined) await this.store.saveFile(file);
  }

  #moveTo({ pos, mark }: Told): void {
    [this.position, this.mark] = [pos, mark];
    for (const waiter of this.#waiters) {
      if (waiter.pos > pos) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** The consumer group of a permanent copy. */
  get #group(): string {
    return `copy:${this.store.copyId}`;
  }

  async #makeGroup(): Promise<void> {
    const { redis, keys } = this.#parts;
    const key = keys.of("log");
    try {
      const id = `${this.position}-0`;
      await redis.command(["XGROUP", "CREATE", key, this.#group, id, "MKSTREAM"], { key });
    } catch (error) {
      if (!(error instanceof RedisRefusal) || error.code !== "BUSYGROUP") throw error;
    }
  }

  /** Tells Redis what a permanent copy has, from time to time. Streams are not trimmed beyond it. */
  #notePosition(now = performance.now()): void {
    if (!this.#parts.isPermanent || now - this.#notedAt < NOTE_INTERVAL) return;
    this.#notedAt = now;
    void this.#setPosition().catch(() => {});
  }

  async #setPosition(): Promise<void> {
    const { redis, keys } = this.#parts;
    const key = keys.of("log");
    await redis.command(["XGROUP", "SETID", key, this.#group, `${this.position}-0`], { key });
  }

  /** Closes the store. */
  async close(): Promise<void> {
    if (this.#store === undefined) return;
    await this.#eraser.close();
    if (this.#parts.isPermanent && this.position > 0) {
      await this.#setPosition().catch(() => {});
    }
    await this.#store[Symbol.asyncDispose]();
  }
}

function lost(position: number): LogGap {
  return new LogGap(`Redis has lost the record ${position}`);
}

function take<T>(map: Map<number, T>, key: number): T | undefined {
  const value = map.get(key);
  map.delete(key);
  return value;
}
