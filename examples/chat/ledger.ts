/**
 * The order of the chat: each line gets its number, is stored, and only then reaches its readers.
 *
 * Lines of one turn of the event loop are stored together, in one transaction. Actions that are not
 * stored, such as notices and the reading of a history, are tasks: they run after the lines before them
 * and before the lines behind them. So all users see one order, and a history that is read in a task
 * misses no line and repeats none.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { Appended, Archive, Entry } from "./archive/archive.ts";
import { ArchiveError } from "./archive/archive_error.ts";
import { shared, type SharedArchive } from "./archive/shared_archive.ts";

/** The most lines in one transaction. More lines wait for the next one. */
const MAX_BATCH = 2000;

/** The bytes of waiting lines and tasks above which faces do not read on. */
const MAX_WAITING = 1024 * 1024;

/** The bytes that a waiting task counts as. */
const TASK = 1024;

/** A line or a change that waits for its number, with its author. */
export interface Draft<A> {
  /** The entry for the archive. The ledger sets its number. */
  readonly entry: Entry & { seq: number };
  /** The approximate size in bytes. */
  readonly size: number;
  /** The author, for the caller. */
  readonly author: A;
}

/** An action between two lines. It must not fail. */
type Task = () => void | Promise<void>;

/** The steps of a line, for tests that stop the process between them. */
export type LedgerStep = "number" | "commit" | "deliver" | "confirm";

/** The functions that the ledger calls. */
export interface LedgerHooks<A> {
  /** Tells everyone about the lines of a transaction; a result is undefined if its line is not stored. */
  settle(drafts: readonly Draft<A>[], results: readonly (Appended | undefined)[]): void;
  /** Receives each step of a line. */
  onStep(step: LedgerStep): void;
  /** Receives the reason of a failed transaction. */
  onFault(reason: string): void;
}

/** The queue of lines and tasks. */
export class Ledger<A> {
  readonly #archive: Archive;
  /** The archive if it numbers the lines of several processes itself. */
  readonly #shared: SharedArchive | undefined;
  readonly #hooks: LedgerHooks<A>;
  readonly #queue: (Draft<A> | Task)[] = [];
  #seq: number;
  #fault: { readonly reason: string; readonly kind: string } | undefined;
  #waiting = 0;
  #room: PromiseWithResolvers<void> | undefined;
  /** Whether a task or a transaction runs. */
  #busy = false;
  /** Whether a task runs. Meanwhile, nothing of other processes arrives. */
  #performing = false;
  /** Work of {@linkcode Ledger.feed} that runs or waits. */
  #feeds: (() => Promise<void>)[] = [];
  #feeding = false;
  /** Whether a transaction begins when this turn of the event loop ends. */
  #due = false;

  /**
   * @param archive The store, which knows the last number.
   * @param hooks The functions to call.
   */
  constructor(archive: Archive, hooks: LedgerHooks<A>) {
    this.#archive = archive;
    this.#shared = shared(archive);
    this.#hooks = hooks;
    this.#seq = archive.lastSeq;
  }

  /** The number of the latest stored event. */
  get seq(): number {
    return this.#shared?.lastSeq ?? this.#seq;
  }

  /** The size in bytes of the lines and tasks that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The kind of failure of the last transaction, such as `full`; undefined if it succeeded. */
  get fault(): string | undefined {
    return this.#fault?.kind;
  }

  /** Adds a line. It is stored when this turn of the event loop ends, at the earliest. */
  stage(draft: Draft<A>): void {
    this.#waiting += draft.size;
    this.#queue.push(draft);
    this.#advance();
  }

  /** Runs a task after all lines so far: at once if there are none. */
  run(task: Task): void {
    this.#waiting += TASK;
    this.#queue.push(task);
    this.#advance();
  }

  /**
   * Runs work between two tasks. Lines that wait for the archive do not hold it up, because it may bring
   * their results.
   */
  feed(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#feeds.push(() => work().then(resolve, reject));
      this.#advance();
    });
  }

  /** Removes the lines that wait. Their authors are gone, and may send them to another process. */
  drop(): void {
    const tasks = this.#queue.filter((item) => typeof item === "function");
    for (const item of this.#queue) if (typeof item !== "function") this.#waiting -= item.size;
    this.#queue.splice(0, this.#queue.length, ...tasks);
  }

  /** Returns a promise to await before the next line if too many bytes wait. */
  backlog(): Promise<void> | undefined {
    if (this.#waiting <= MAX_WAITING) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Resolves when all lines and tasks so far are done. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  /** Runs the tasks at the head of the queue, and schedules a transaction for the lines there. */
  #advance(): void {
    if (this.#feeds.length > 0 && !this.#performing && !this.#feeding) void this.#feed();
    while (!this.#feeding && !this.#busy && !this.#due) {
      const head = this.#queue[0];
      if (head === undefined) return;
      if (typeof head === "function") {
        this.#queue.shift();
        this.#perform(head);
      } else {
        this.#due = true;
        setImmediate(() => void this.#commit());
      }
    }
  }

  async #feed(): Promise<void> {
    this.#feeding = true;
    for (let work = this.#feeds.shift(); work !== undefined; work = this.#feeds.shift()) {
      await work();
    }
    this.#feeding = false;
    this.#advance();
  }

  #perform(task: Task): void {
    this.#busy = true;
    const pending = task();
    if (pending === undefined) return this.#done(TASK);
    this.#performing = true;
    void pending.finally(() => {
      this.#performing = false;
      this.#done(TASK);
      this.#advance();
    });
  }

  /** Lets the next task or transaction begin, and faces read on. */
  #done(size: number): void {
    this.#busy = false;
    this.#waiting -= size;
    if (this.#room === undefined || this.#waiting > MAX_WAITING) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  /** Numbers and stores the lines at the head of the queue, and settles them in order. */
  async #commit(): Promise<void> {
    this.#due = false;
    this.#busy = true;
    const batch = this.#take();
    if (batch.length === 0) {
      this.#done(0);
      return this.#advance();
    }
    const first = this.#seq + 1;
    let size = 0;
    const entries = batch.map(({ entry, size: bytes }, i) => {
      entry.seq = this.#shared === undefined ? first + i : 0;
      size += bytes;
      return entry;
    });
    this.#hooks.onStep("number");
    const results = await this.#append(entries);
    this.#hooks.onStep("commit");
    this.#hooks.settle(batch, results);
    this.#done(size);
    this.#advance();
  }

  /** Stores entries, and returns their results: undefined for those that could not be stored. */
  async #append(entries: readonly Entry[]): Promise<readonly (Appended | undefined)[]> {
    try {
      const results = await this.#archive.append(entries);
      // The numbers behind the last stored line are free again. Nobody may learn them: after a crash,
      // the archive would give them to other lines.
      this.#seq += results.findLastIndex(({ outcome }) => outcome === "stored") + 1;
      this.#fault = undefined;
      return results;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // A full disk fails every line. The log needs it once.
      if (reason !== this.#fault?.reason) this.#hooks.onFault(reason);
      this.#fault = { reason, kind: error instanceof ArchiveError ? error.kind : "unknown" };
      return await Promise.all(entries.map((entry) => this.#earlier(entry)));
    }
  }

  /** Returns an entry that was stored before. Its author must not be told that it is not stored. */
  async #earlier({ user, line }: Entry): Promise<Appended | undefined> {
    if (line === undefined) return undefined;
    const event = await this.#archive.line(user, line).catch(() => undefined);
    return event === undefined ? undefined : { outcome: "repeated", event };
  }

  /** Removes the lines at the head of the queue, as many as fit into a transaction. */
  #take(): Draft<A>[] {
    const end = this.#queue.findIndex((item) => typeof item === "function");
    const count = Math.min(end === -1 ? this.#queue.length : end, MAX_BATCH);
    return this.#queue.splice(0, count) as Draft<A>[];
  }
}
