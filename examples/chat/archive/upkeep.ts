/**
 * The limits of the archive, and reports of its upkeep.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The limits of the archive. A limit that is left out does not apply. */
export interface KeepLimits {
  /** The maximum age of messages in milliseconds. */
  readonly age?: number;
  /** The maximum number of messages of each room and conversation. */
  readonly messages?: number;
  /** The maximum size of the store in bytes. The oldest messages of all rooms are removed first. */
  readonly size?: number;
  /** The time in milliseconds after which a user without messages is removed. */
  readonly users?: number;
}

/** The result of {@linkcode Archive.keep}. */
export interface KeepReport {
  /** The number of messages that were removed. */
  readonly messages: number;
  /** The number of users who were removed. */
  readonly users: number;
  /** The size of the store in bytes, afterwards. */
  readonly size: number;
}

/** The result of {@linkcode ImportingArchive.import}. */
export interface ImportReport {
  /** The number of imported users. */
  readonly users: number;
  /** The number of imported messages. */
  readonly messages: number;
}
