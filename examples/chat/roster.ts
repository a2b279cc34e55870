/**
 * The records of users in the archive. Changes of one turn of the event loop are saved together.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { Archive, SessionState, UserRecord } from "./archive/archive.ts";
import type { Session } from "./session.ts";

/** A new user who waits for an id. */
interface Newcomer {
  readonly record: UserRecord;
  readonly resolve: (user: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Saves users. */
export class Roster {
  readonly #archive: Archive;
  readonly #now: () => number;
  readonly #onFault: (error: unknown) => void;
  #newcomers: Newcomer[] = [];
  #changed = new Map<number, UserRecord>();
  #saving: Promise<void> | undefined;

  /**
   * @param archive The store of the records.
   * @param now Returns the time in milliseconds since 1970.
   * @param onFault Called with the error of a failed transaction.
   */
  constructor(archive: Archive, now: () => number, onFault: (error: unknown) => void) {
    this.#archive = archive;
    this.#now = now;
    this.#onFault = onFault;
  }

  /**
   * Saves a new user.
   *
   * @param session The session of the user.
   * @returns The id of the user.
   * @throws {ArchiveError} If the user cannot be saved.
   */
  create(session: Session): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#newcomers.push({ record: session.record(this.#now(), "online"), resolve, reject });
    this.#start();
    return promise;
  }

  /** Saves a known user as he is now. If that fails, the next save tries again. */
  save(session: Session, state: SessionState): void {
    this.#changed.set(session.user, session.record(this.#now(), state));
    this.#start();
  }

  /** Resolves after all changes so far are saved, or could not be saved. */
  async saved(): Promise<void> {
    // A run that has begun does not have the latest changes. The run behind it has them.
    await this.#saving;
    await this.#saving;
  }

  /** Returns whether the latest changes of a user are not saved yet, or could not be saved. */
  waits(user: number): boolean {
    return this.#changed.has(user);
  }

  #start(): void {
    this.#saving ??= this.#run();
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const [newcomers, changed] = [this.#newcomers, this.#changed];
    this.#newcomers = [];
    this.#changed = new Map();
    let isSaved = true;
    try {
      const records = [...newcomers.map(({ record }) => record), ...changed.values()];
      const ids = await this.#archive.saveUsers(records);
      newcomers.forEach(({ resolve }, i) => resolve(ids[i]!));
    } catch (error) {
      isSaved = false;
      this.#onFault(error);
      for (const { reject } of newcomers) reject(error);
      // A later change of the same user counts more.
      this.#changed = new Map([...changed, ...this.#changed]);
    }
    this.#saving = undefined;
    // A failed change waits for the next one, so that a full disk is not tried all the time.
    if (this.#newcomers.length > 0 || (isSaved && this.#changed.size > 0)) this.#start();
  }
}
