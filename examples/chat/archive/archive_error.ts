/**
 * The error of the archive.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The kind of a failure. */
export type ArchiveErrorKind =
  /** The disk, or the size that the store may have, is full. */
  | "full"
  /** The store cannot be written. */
  | "read-only"
  /** The file is damaged, or is not a store of the chat. */
  | "damaged"
  /** The store was written by a newer version of the chat. */
  | "newer"
  /** Another process uses the store. */
  | "in-use"
  /** The store does not exist, and was not to be made. */
  | "missing"
  /** The store has content already. */
  | "not-empty"
  /** A line of an import is invalid. */
  | "bad-line"
  /** The archive was closed. */
  | "closed"
  /** The path cannot be that of a store: the folder is missing, or it is a folder itself. */
  | "bad-path"
  /** The servers that several chats share do not answer, or this chat lost its place among them. */
  | "unreachable"
  /** Another failure of the file system. */
  | "io";

/** A failure of the archive. Its message is a sentence for the operator. */
export class ArchiveError extends Error {
  /** The name of the class. */
  override readonly name = "ArchiveError";
  /** The kind of the failure. */
  readonly kind: ArchiveErrorKind;

  /**
   * @param kind The kind of the failure, for programs.
   * @param message A sentence that names the file, for the operator.
   * @param options The cause, if there is one.
   */
  constructor(kind: ArchiveErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
