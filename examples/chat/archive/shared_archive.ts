/**
 * The interface of an archive that several processes share, and of the chat that follows it.
 *
 * The archive numbers the lines of all processes. It hands every line to its follower in this order, also the
 * follower's own ones.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Archive, StoredEvent, UserRecord } from "./archive.ts";

/** A user as the processes know each other's users. */
export interface SharedUser extends UserRecord {
  /** The id. */
  readonly id: number;
  /** Whether this process acts for the user. */
  readonly isOwn: boolean;
  /** Whether this process got the session of one that has ended. */
  readonly isAdopted: boolean;
}

/** A chat that follows a shared archive. */
export interface Follower {
  /** Runs work while no task of the chat runs. Resolves or rejects as the work does. */
  feed(work: () => Promise<void>): Promise<void>;
  /** Takes stored events in their order. */
  hear(events: readonly StoredEvent[]): Promise<void>;
  /** Takes a user who came, moved, got another name, or left. */
  meet(user: SharedUser): void;
  /** Dismisses all users, because others may soon act for them. */
  suspend(): void;
  /** Admits users again. */
  resume(): void;
}

/** The reason for which a name cannot be claimed. */
export type ClaimRefusal = "taken" | "full";

/** An archive that several processes share. */
export interface SharedArchive extends Archive {
  /** The number of the last line that this process has seen. */
  readonly lastSeq: number;
  /** Whether users can join and speak. */
  readonly isReady: boolean;
  /** The number of nodes that hold a lease, as of the last renewal. */
  readonly nodes: number;
  /** Begins to hand events to a follower. Resolves when it knows all users. */
  follow(follower: Follower): Promise<void>;
  /**
   * Takes the name of a user, and the session, for this process. Another process that acts for the user
   * stops.
   *
   * @param user The user; a new one has no id.
   * @returns The id, or the reason for the refusal.
   * @throws {ArchiveError} If the other servers do not answer.
   */
  claim(user: UserRecord): Promise<number | ClaimRefusal>;
  /**
   * Returns the claim under which this process acts for a user, which is the `tenure` of lines. It changes when
   * another process had the session meanwhile: lines from before must not come behind those from there.
   */
  tenure(user: number): string;
}

/** Returns the archive if several processes share it. */
export function shared(archive: Archive): SharedArchive | undefined {
  return "follow" in archive ? archive as SharedArchive : undefined;
}
