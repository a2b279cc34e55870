/**
 * The interface of a store for the contents of files.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The part of a file from `start` (inclusive) to `end` (exclusive). */
export interface BlobPart {
  /** The first byte. */
  readonly start: number;
  /** The byte after the last one. */
  readonly end: number;
}

/** The contents of files. A file is complete or absent, also after a crash. */
export interface BlobStore {
  /** Starts a file. The id must be new. */
  create(id: string): Promise<BlobWriter>;
  /** Returns a part of a file as the body of a response; undefined if there is no such file. */
  read(id: string, part: BlobPart): Promise<BodyInit | undefined>;
  /** Removes a file, if there is one. */
  remove(id: string): Promise<void>;
  /** Returns the ids of all complete files. */
  ids(): AsyncIterable<string>;
}

/** A file that is being written. The caller ends it with `commit` or `abort`. */
export interface BlobWriter {
  /** Appends bytes. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Makes the file complete. On disk it then survives a crash of the machine. */
  commit(): Promise<void>;
  /** Removes what was written. */
  abort(): Promise<void>;
}
