/**
 * The flags of the chat for attached files, and the opening of the files as they say.
 *
 * @module
 */

import { CliError, type CliValues, ExitCode, type None } from "../../../tools/cli.ts";
import type { Archive } from "../archive/archive.ts";
import type { BlobStore } from "./blob_store.ts";
import { type OpenFiles, openFiles } from "./open_files.ts";

/** The flags for attached files. */
export const fileFlags = {
  maxFile: {
    type: "size",
    default: "10MiB",
    max: "1GiB",
    help: "Maximum size of an attached file; 0: no files",
  },
  maxFilesSize: {
    type: "size",
    default: "1GiB",
    help:
      "Maximum size of all files; a user has a tenth; in memory at most 64MiB; 0: no limit on disk",
  },
} as const;

/** The values of the flags that the files need. */
export type FileValues = CliValues<typeof fileFlags, None> & {
  readonly store?: string | undefined;
};

/**
 * Opens the files of the flags.
 *
 * @param values The values of the flags; without `store` the files are in memory.
 * @param archive The archive, which describes the files.
 * @param blobs The store for the contents, if it is elsewhere.
 * @returns The files; undefined if the chat has none.
 * @throws {CliError} If the folder beside the store cannot be used.
 */
export async function openChatFiles(
  { store, maxFile, maxFilesSize }: FileValues,
  archive: Archive,
  blobs?: BlobStore,
): Promise<OpenFiles | undefined> {
  if (maxFile === 0) return undefined;
  try {
    return await openFiles({ records: archive, store, blobs, maxFile, maxTotal: maxFilesSize });
  } catch (error) {
    if (store === undefined || !(error instanceof Error)) throw error;
    const text = `Cannot use the folder ${store}-files for attached files: ${error.message}`;
    throw new CliError(text, ExitCode.failure, { cause: error });
  }
}
