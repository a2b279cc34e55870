/**
 * The archive of a chat on several machines: Redis orders and keeps the lines, and each node has a copy of
 * the newest ones, from which it reads.
 *
 * A line is stored when Redis has it. A node tells its users only what it has read back. All copies take
 * the same lines in the same order, so they agree on what a change does.
 *
 * **Permissions**: those of the connection, and those of the copy.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type {
  Appended,
  Archive,
  Backlog,
  Entry,
  FileRecord,
  HistoryPage,
  HistoryQuery,
  KeepLimits,
  KeepReport,
  RoomKey,
  RoomRecord,
  SearchPage,
  SearchQuery,
  SearchRange,
  StoredEvent,
  StoredMessage,
  UserRecord,
} from "../archive/archive.ts";
import { ArchiveError } from "../archive/archive_error.ts";
import type { ClaimRefusal, Follower, SharedArchive } from "../archive/shared_archive.ts";
import type { BlobStore } from "../files/blob_store.ts";
import { nameKey } from "../names.ts";
import { beginSpans, endSpans, isTraced, Kind } from "../tracing.ts";
import { BusBlobs } from "./bus_blobs.ts";
import { BusGauges } from "./gauges.ts";
import { BusKeys } from "./keys.ts";
import { NodeLease } from "./lease.ts";
import { LogReader } from "./log_reader.ts";
import { encodeEntry, encodeUser } from "./records.ts";
import { Redis, type RedisOptions, RedisRefusal, type Script } from "./redis.ts";
import { type Place, Replica, type ReplicaStore } from "./replica.ts";
import { APPEND, FORGET, INIT, SAVE, TELL } from "./scripts.ts";
import { trimStreams } from "./trimming.ts";

/** The most lines that one script stores. Redis does nothing else meanwhile. */
const PORTION = 200;

/** The time between two attempts, in milliseconds. */
const PAUSE = 100;

/** The time that the first connection may take, in milliseconds. */
const START = 30_000;

/** The options of {@linkcode BusArchive}. */
export interface BusOptions {
  /** The servers. */
  readonly redis: RedisOptions;
  /** The name of the chat. Several chats can share the servers. */
  readonly name: string;
  /** The duration of the lease in milliseconds; 0 for an archive without users, for tests. */
  readonly lease: number;
  /** The replicas of Redis that must have a line before a node shows or confirms it. */
  readonly wait: number;
  /** The maximum number of users of all nodes; 0 removes the limit. */
  readonly maxUsers: number;
  /** Makes the copy of this node. It is called again if Redis has lost its data. */
  readonly copy: () => ReplicaStore;
  /** Whether the copy is permanent. Redis keeps what it does not have yet. @default false */
  readonly isPermanent?: boolean;
  /** Receives events of the bus, for the log. */
  readonly onEvent?: (event: BusEvent) => void;
}

/** An event of the bus, for the log. */
export type BusEvent =
  | { readonly type: "lost"; readonly reason: string }
  | { readonly type: "back"; readonly node: string }
  | { readonly type: "failed"; readonly reason: string };

/** The epoch and the node that a script checks. */
type Guard = readonly [epoch: string, node: string];

/** A follower that is nobody. */
const NOBODY: Follower = {
  feed: (work) => work(),
  hear: () => Promise.resolve(),
  meet: () => {},
  suspend: () => {},
  resume: () => {},
};

/** The archive on Redis Streams. */
export class BusArchive implements SharedArchive {
  /** The counters of this node. */
  readonly gauges: BusGauges = new BusGauges();
  readonly #options: BusOptions;
  readonly #keys: BusKeys;
  /** For commands. */
  readonly #redis: Redis;
  /** For reading, which waits. */
  readonly #reading: Redis;
  readonly #asks: LogReader;
  readonly #replica: Replica;
  #follower = NOBODY;
  #lease: NodeLease | undefined;
  #epoch = "";
  #state: "new" | "ready" | "suspended" | "closed" = "new";
  /** Ends the reading. */
  #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** The way back after a loss. */
  #returning: Promise<void> = Promise.resolve();
  /** With a number behind it, the id of a line that has none. */
  readonly #instance = crypto.randomUUID();
  #lines = 0;

  private constructor(options: BusOptions) {
    this.#options = options;
    this.#keys = new BusKeys(options.name);
    this.#redis = new Redis(options.redis);
    this.#reading = new Redis(options.redis);
    this.#asks = new LogReader(this.#redis, this.#keys);
    this.#replica = new Replica({
      log: new LogReader(this.#reading, this.#keys, {
        count: options.wait,
        timeout: Math.ceil(options.redis.timeout / 2),
      }),
      redis: this.#redis,
      asks: this.#asks,
      keys: this.#keys,
      isPermanent: options.isPermanent ?? false,
      gauges: this.gauges,
    });
  }

  /**
   * Connects, and reads what Redis has.
   *
   * @throws {ArchiveError} If Redis does not answer, or the copy belongs to another chat.
   */
  static async open(options: BusOptions): Promise<BusArchive> {
    const archive = new BusArchive(options);
    try {
      // Redis may start at the same time.
      await archive.#insist(() => archive.#load(), START);
      return archive;
    } catch (error) {
      await archive[Symbol.asyncDispose]();
      throw failure(error);
    }
  }

  /** The id of the chat in Redis. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The number of the last event that this node has seen. */
  get lastSeq(): number {
    return this.#replica.lastSeq;
  }

  /** The size of the texts that the copy has stored. */
  get written(): number {
    return this.#store.written;
  }

  /** Whether users can join and speak. */
  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** The number of records that this node has not read yet, as of the last renewal. */
  get lag(): number {
    return Math.max(0, this.gauges.last - this.#replica.position);
  }

  /** The number of nodes with a lease. */
  get nodes(): number {
    return this.#lease?.nodes ?? 0;
  }

  /** The number of connections to Redis that were opened after the first ones. */
  get reconnects(): number {
    return this.#redis.reconnects + this.#reading.reconnects;
  }

  /** The contents of attached files, in Redis. */
  get blobs(): BlobStore {
    return new BusBlobs((args) => this.#insist(() => this.#redis.command(args)), this.#keys);
  }

  /** Begins to follow the other nodes. Resolves when all users are known. */
  async follow(follower: Follower): Promise<void> {
    this.#follower = follower;
    await this.#begin();
  }

  /** Stores lines, and resolves when this node has read them back. */
  async append(batch: readonly Entry[]): Promise<readonly Appended[]> {
    const results: Appended[] = [];
    const ids = batch.map(({ line }) => line ?? this.#newLine());
    for (let at = 0; at < batch.length; at += PORTION) {
      const part = batch.slice(at, at + PORTION);
      const begun = performance.now();
      const [position, ...numbers] = await this.#append(part, ids.slice(at, at + PORTION));
      await this.#replica.reached(position);
      this.gauges.hop(performance.now() - begun, part.length);
      for (let i = 0; i < part.length; i++) {
        results.push(await this.#resultOf(part[i]!, numbers[i]!));
      }
    }
    return results;
  }

  #newLine(): string {
    return `~${this.#instance}:${++this.#lines}`;
  }

  /** Returns the claim under which this node acts for a user now. */
  tenure(user: number): string {
    return this.#replica.owned.get(user) ?? "";
  }

  /** Stores lines, and returns the position and their numbers. A lost connection is no harm: lines have ids. */
  async #append(
    batch: readonly Entry[],
    ids: readonly string[],
  ): Promise<readonly [position: number, ...numbers: number[]]> {
    const keys = [...this.#keys.fixed];
    const index = new Map<string, number>();
    const place = (key: string) => {
      let known = index.get(key);
      if (known === undefined) {
        known = keys.push(key);
        index.set(key, known);
      }
      return `${known}`;
    };
    const spans = isTraced ? beginSpans(batch, "chat bus append", Kind.producer) : [];
    const args = batch.flatMap((entry, i) => [
      entry.room,
      place(this.#keys.room(entry.room)),
      place(this.#keys.lines(entry.user)),
      `${entry.user}/${entry.tenure ?? ""}`,
      ids[i]!,
      `${entry.seq}`,
      encodeEntry(entry),
      spans[i]?.trace ?? "",
    ]);
    const appending = this.#insist((guard) =>
      this.#redis.run(APPEND, keys, [...guard, ...args])
    ) as Promise<[number, string, ...number[]]>;
    const [position, mark, ...numbers] = await appending.finally(() => endSpans(spans));
    this.#expect([position, mark]);
    return [position, ...numbers];
  }

  async #resultOf({ user, line }: Entry, number: number): Promise<Appended> {
    if (number === 0) return { outcome: "refused", reason: "moved" };
    // A repeated attempt has stored the line the first time.
    const own = this.#replica.takeResult(Math.abs(number));
    if (own !== undefined) return own;
    const event = line === undefined ? undefined : await this.#store.line(user, line);
    return event === undefined
      ? { outcome: "refused", reason: "gone" }
      : { outcome: "repeated", event };
  }

  /** Returns the event that a user has stored under the id of a line. */
  line(user: number, line: string): Promise<StoredEvent | undefined> {
    return this.#store.line(user, line);
  }

  /** Returns messages of a room in their current state. */
  history(room: RoomKey, query: HistoryQuery): Promise<HistoryPage> {
    return this.#store.history(room, query);
  }

  /** Returns everything in some rooms after a number. */
  async since(rooms: readonly RoomKey[], seq: number, limit: number): Promise<Backlog> {
    const { events, complete } = await this.#store.since(rooms, seq, limit);
    return {
      events,
      complete: complete && rooms.every((room) => this.#replica.floor(room) <= seq),
    };
  }

  /** Returns one message in its current state. */
  message(seq: number): Promise<StoredMessage | undefined> {
    return this.#store.message(seq);
  }

  /** Returns the matches in the rooms of the query. */
  search(query: SearchQuery, range: SearchRange): Promise<SearchPage> {
    return this.#store.search(query, range);
  }

  /** Stores users. What another node has taken over is left out. */
  async saveUsers(users: readonly UserRecord[]): Promise<readonly number[]> {
    const { results } = await this.#saveAll("save", users);
    const saved = users.flatMap((user, i) => {
      const [id] = results[i]!.split(" ");
      return results[i] === "moved" ? [] : [{ ...user, id: Number(id) }];
    });
    // The copy has them at once: this node does not wait for its own record of a user.
    await this.#store.saveUsers(saved);
    return users.map(({ id }, i) => id ?? Number(results[i]!.split(" ")[0]));
  }

  /** Takes the name and the session of a user for this node. */
  async claim(user: UserRecord): Promise<number | ClaimRefusal> {
    // The id first: a claim that is repeated must not make a second user.
    const id = user.id ?? await this.#newUser();
    const mode = user.id === undefined ? "new" : "claim";
    const { position, results: [result = ""] } = await this.#saveAll(mode, [{ ...user, id }]);
    if (result === "again") return await this.claim(user);
    if (result === "taken" || result === "full") return result;
    const fence = result.split(" ")[1]!;
    this.#replica.owned.set(id, fence);
    await this.#store.saveUsers([{ ...user, id }]);
    // The user may have seen lines on another node that this one has not read yet.
    await this.#replica.reached(position);
    return id;
  }

  async #newUser(): Promise<number> {
    const key = this.#keys.of("lastuser");
    return Number(await this.#insist(() => this.#redis.command(["INCR", key])));
  }

  async #saveAll(
    mode: "save" | "claim" | "new",
    users: readonly UserRecord[],
  ): Promise<{ position: number; results: string[] }> {
    const args = users.flatMap((user) => [
      mode,
      user.id === undefined ? "" : `${user.id}`,
      nameKey(user.name),
      user.session,
      user.tokenHash ?? "",
      user.id === undefined ? "" : this.#replica.owned.get(user.id) ?? "",
      encodeUser(user),
    ]);
    const most = mode === "save" ? 0 : this.#options.maxUsers;
    const [position, mark, ...results] = await this.#insist((guard) =>
      this.#run(SAVE, guard, [`${most}`, ...args])
    ) as [number, string, ...string[]];
    this.#expect([position, mark]);
    return { position, results };
  }

  /** Returns the user with an id. */
  user(id: number): Promise<UserRecord | undefined> {
    return this.#store.user(id);
  }

  /** Returns the user who holds a token, as Redis has it now. */
  userByToken(tokenHash: string): Promise<UserRecord | undefined> {
    return this.#insist(() => this.#asks.userByToken(tokenHash));
  }

  /** Returns the users whose sessions have not ended. */
  aliveUsers(): Promise<readonly UserRecord[]> {
    return this.#store.aliveUsers();
  }

  /** Returns the users who have a name, or wrote under it. */
  usersNamed(name: string): Promise<readonly UserRecord[]> {
    return this.#store.usersNamed(name);
  }

  /** Deletes a user with all messages, in Redis and in all copies. */
  async forget(user: number): Promise<number> {
    const hash = (await this.#store.user(user))?.tokenHash ?? "";
    const position = await this.#write(FORGET, [`${user}`, hash]);
    await this.#insist(() => this.#removeLines(user, this.#replica.lastSeq));
    return Number(this.#replica.takeAnswer(position));
  }

  async #removeLines(user: number, upTo: number): Promise<void> {
    for (const room of await this.#asks.rooms()) {
      for await (const lines of this.#asks.lines(room, 0, upTo)) {
        const own = lines.filter((line) => line.user === user).map(({ seq }) => seq);
        if (own.length === 0) continue;
        const ids = own.map((seq) => `${seq}-0`);
        await this.#redis.command(["XDEL", this.#keys.room(room), ...ids]);
        await this.#redis.command(["HDEL", this.#keys.erased(room), ...own.map(String)]);
      }
    }
    await this.#redis.command(["DEL", this.#keys.lines(user)]);
  }

  /** Returns the rooms that have messages. */
  rooms(): Promise<readonly RoomRecord[]> {
    return this.#store.rooms();
  }

  /** Returns the private conversations of a user. */
  conversations(user: number): Promise<readonly RoomRecord[]> {
    return this.#store.conversations(user);
  }

  /** Stores the description of a file. */
  async saveFile(file: FileRecord): Promise<void> {
    await this.#tell("f", JSON.stringify(file), file.id);
  }

  /** Returns the description of a file. */
  file(id: string): Promise<FileRecord | undefined> {
    return this.#store.file(id);
  }

  /** Returns files that no message names. */
  unusedFiles(before: number, limit: number): Promise<readonly FileRecord[]> {
    return this.#store.unusedFiles(before, limit);
  }

  /** Deletes the descriptions of files that no message names, in Redis and in all copies. */
  async removeFiles(ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return [];
    const removed = await this.#tell("x", JSON.stringify(ids)) as readonly string[];
    if (removed.length > 0) {
      await this.#insist(() => this.#redis.command(["HDEL", this.#keys.of("files"), ...removed]));
    }
    return removed;
  }

  /** Returns the number of files and their size. */
  filesTotal(user?: number): Promise<{ readonly count: number; readonly size: number }> {
    return this.#store.filesTotal(user);
  }

  async #tell(kind: "f" | "x", data: string, file = ""): Promise<unknown> {
    return this.#replica.takeAnswer(await this.#write(TELL, [kind, data, file]));
  }

  /** Runs a script that adds one record. Resolves to its position when the copy has it. */
  async #write(script: Script, args: readonly string[]): Promise<number> {
    const place = await this.#insist((guard) => this.#run(script, guard, args)) as Place;
    this.#expect(place);
    await this.#replica.reached(place[0]);
    return place[0];
  }

  /** Takes the answer of a script. If Redis has lost what the script did, users are dismissed. */
  #expect(place: Place): void {
    try {
      this.#replica.expect(place);
    } catch (error) {
      if (error instanceof Error) this.#lose(error.message);
      throw this.#closedError();
    }
  }

  /** Removes what the limits do not keep from the copy, and then from Redis. */
  async keep(limits: KeepLimits, now: number): Promise<KeepReport> {
    const report = await this.#store.keep(limits, now);
    if (this.#state !== "ready") return report;
    await this.#insist((guard) =>
      trimStreams({
        redis: this.#redis,
        keys: this.#keys,
        guard,
        rooms: () => this.#asks.rooms(),
        store: this.#store,
        limits,
      })
    );
    return report;
  }

  /** Writes the copy of this node to a new file. */
  backup(path: string): Promise<void> {
    return this.#store.backup(path);
  }

  /** Returns the copy of this node as JSON Lines. */
  export(): AsyncIterable<string> {
    return this.#store.export();
  }

  /** Ends the lease, so that another node takes over, and closes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "closed") return;
    // On the way back, nothing is worth waiting for.
    if (this.#state === "suspended") this.#redis.close();
    this.#state = "closed";
    this.#ending.abort();
    await this.#lease?.release();
    this.#reading.close();
    this.#replica.fail(this.#closedError());
    await Promise.all([this.#running, this.#returning]);
    await this.#replica.close();
    this.#redis.close();
  }

  get #store(): Archive {
    return this.#replica.store;
  }

  get #node(): string {
    return this.#lease?.node ?? "";
  }

  #run(script: Script, guard: Guard, args: readonly string[]): Promise<unknown> {
    return this.#redis.run(script, this.#keys.fixed, [...guard, ...args]);
  }

  /** The time for which attempts are repeated, in milliseconds. */
  get #patience(): number {
    return this.#options.lease || this.#options.redis.timeout;
  }

  /**
   * Repeats work until Redis answers or the lease is nearly over. The work is that of the present lease, also
   * if the node has another one meanwhile: its users are gone, and may be elsewhere.
   */
  async #insist<T>(
    work: (guard: Guard) => Promise<T>,
    patience = this.#patience,
  ): Promise<T> {
    const { signal } = this.#ending;
    const guard = [this.#epoch, this.#node] as const;
    const due = performance.now() + patience;
    for (;;) {
      if (signal.aborted) throw this.#closedError();
      try {
        return await work(guard);
      } catch (error) {
        if (!this.#isPassing(error, signal)) throw failure(error);
        if (performance.now() > due) {
          // Redis may have the line. Its author must send it again, before later ones.
          if (!signal.aborted) this.#lose("Redis answers some questions only");
          throw failure(error);
        }
      }
      await delay(PAUSE, { signal }).catch(() => {});
    }
  }

  /** Returns whether another attempt may succeed. */
  #isPassing(error: unknown, signal: AbortSignal): boolean {
    if (error instanceof ArchiveError) return error.kind === "unreachable";
    if (!(error instanceof RedisRefusal)) return false;
    if (error.code === "EPOCH" || error.code === "FENCED") {
      if (!signal.aborted) this.#lose(error.message);
      return false;
    }
    // The next attempt opens a connection, perhaps to another server.
    return error.code === "READONLY";
  }

  #closedError(): ArchiveError {
    const kind = this.#state === "closed" ? "closed" : "unreachable";
    return new ArchiveError(kind, `This node has left the bus ${this.#redis.where}`);
  }

  /** Asks for the epoch, and reads what the copy does not have. */
  async #load(): Promise<void> {
    const known = this.#epoch;
    const keys = this.#keys.fixed;
    const fresh = crypto.randomUUID();
    const store = this.#replica.openStore(this.#options.copy);
    const mine = known || (store.lastSeq > 0 ? store.epoch : "");
    const { lastSeq, position, mark } = this.#replica;
    const last = Math.max(store.lastSeq, lastSeq);
    const args = ["", "", fresh, mine, `${last}`, `${position}`, mark];
    const bus = await this.#redis.run(INIT, keys, args) as [string, number, number, string];
    this.#epoch = bus[0];
    await this.#replica.load(bus, this.#options.copy);
  }

  /** Begins the lease and the reading. */
  async #begin(): Promise<void> {
    const { lease: duration } = this.#options;
    this.#ending = new AbortController();
    if (duration > 0) {
      const parts = { redis: this.#redis, keys: this.#keys, epoch: this.#epoch, duration };
      this.#lease = new NodeLease(parts, {
        expected: () => this.#replica.expected,
        onRenewed: (position, mark, expected) => this.#compare(position, mark, expected),
        onLost: (reason) => this.#lose(reason),
      });
      const lease = this.#lease;
      await this.#insist(() => lease.begin(), START);
    }
    await this.#replica.introduce(this.#follower, this.#node);
    if (this.#ending.signal.aborted || this.#lease?.isOver) throw this.#closedError();
    this.#state = "ready";
    this.#follower.resume();
    this.#running = this.#follow(this.#ending.signal);
  }

  /** Notices that Redis has lost what this node has seen. */
  #compare(position: number, mark: string, expected: number): void {
    this.gauges.last = position;
    const isOther = position === this.#replica.position && mark !== this.#replica.mark;
    if (position < expected || isOther) this.#lose("Redis has lost lines");
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let due = performance.now() + this.#patience;
    while (!signal.aborted) {
      try {
        await this.#replica.advance(this.#follower, this.#node, signal);
        due = performance.now() + this.#patience;
      } catch (error) {
        if (signal.aborted) return;
        const isPassing = error instanceof ArchiveError && error.kind === "unreachable";
        // The lease can go on while reading fails. Lines would then wait for ever.
        if (!isPassing || performance.now() > due) {
          return this.#lose(error instanceof Error ? error.message : String(error));
        }
        await delay(PAUSE, { signal }).catch(() => {});
      }
    }
  }

  /** Dismisses all users, and comes back as a new node. */
  #lose(reason: string): void {
    if (this.#state !== "ready") return;
    this.#state = "suspended";
    this.#options.onEvent?.({ type: "lost", reason });
    this.#ending.abort();
    this.#lease?.stop();
    // The users first: nobody may be told that a line is not stored, because it may be.
    this.#follower.suspend();
    this.#replica.fail(this.#closedError());
    this.#reading.drop();
    this.#returning = this.#comeBack(this.#running);
  }

  async #comeBack(reading: Promise<void>): Promise<void> {
    await reading;
    let told = "";
    while (this.#state === "suspended") {
      try {
        await this.#load();
        if (this.#state !== "suspended") return;
        await this.#begin();
        this.#options.onEvent?.({ type: "back", node: this.#node });
        return;
      } catch (error) {
        this.#lease?.stop();
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== told) this.#options.onEvent?.({ type: "failed", reason });
        told = reason;
        await delay(PAUSE * 5);
      }
    }
  }
}

/** Returns the error of the archive for an error of Redis. */
function failure(error: unknown): unknown {
  if (!(error instanceof RedisRefusal)) return error;
  const kind = error.code === "OOM"
    ? "full"
    : ["MISCONF", "READONLY"].includes(error.code)
    ? "read-only"
    : ["EPOCH", "FENCED"].includes(error.code)
    ? "unreachable"
    : "io";
  return new ArchiveError(kind, `The bus refuses: ${error.message}`, { cause: error });
}
