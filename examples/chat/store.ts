/**
 * The store of the chat as a program uses it: opened as the flags say, kept within its limits, with
 * errors that name the flag.
 *
 * **Permissions**: with `--store`, `--allow-read` and `--allow-write` for the folder of the file.
 *
 * @module
 */

import { dirname } from "node:path";
import { badValue, CliError, type CliLog, ExitCode } from "../../tools/cli.ts";
import type { Archive } from "./archive/archive.ts";
import { ArchiveError } from "./archive/archive_error.ts";
import { Housekeeper } from "./archive/housekeeper.ts";
import {
  openArchive,
  type OpenArchiveOptions,
  type SqliteArchive,
} from "./archive/sqlite_archive.ts";
import { keepLimits, type StoreFlags } from "./store_flags.ts";

/** The open store of the chat. */
export interface ChatStore extends AsyncDisposable {
  /** The archive in a file, in memory, or on other servers. */
  readonly archive: Archive;
  /** Logs where messages are kept, once the chat listens. */
  announce(): void;
}

/**
 * Opens the store of the flags, and starts its upkeep.
 *
 * @param values The values of the flags; `history` is the number of messages that newcomers are shown.
 * @param log The log of the program, for the upkeep and its failures.
 * @returns The store, which is closed by its disposal.
 * @throws {CliError} If the store cannot be used.
 */
export function openChatStore(
  values: StoreFlags & { readonly history: number },
  log: CliLog,
): ChatStore {
  const limits = keepLimits(values);
  const archive = openStore(values);
  const housekeeper = new Housekeeper(archive, {
    limits,
    onReport: ({ messages, users }) =>
      log.info("removed {messages} messages and {users} users", { messages, users }),
    onError: (error) => log.error("cannot remove old messages: {reason}", { reason: `${error}` }),
  });
  return {
    archive,
    announce() {
      if (values.store === undefined) {
        log.info("messages are kept in memory only; --store FILE keeps them on disk");
        return;
      }
      const { isNew, lastSeq, path } = archive;
      const state = isNew ? "a new store" : `${lastSeq} messages and changes so far`;
      log.info("messages are kept in {path}, {state}", { path, state });
    },
    async [Symbol.asyncDispose]() {
      await housekeeper[Symbol.asyncDispose]();
      await archive[Symbol.asyncDispose]();
    },
  };
}

/**
 * Opens the archive of the flags.
 *
 * @param values The values of the flags; without `store` the archive is in memory.
 * @param options Whether the archive is only read, and whether a missing file is made.
 * @throws {CliError} If the store cannot be used.
 */
export function openStore(
  { store }: Pick<StoreFlags, "store">,
  options: OpenArchiveOptions = {},
): SqliteArchive {
  if (store === undefined) return openArchive(":memory:");
  if (store === ":memory:") throw badValue("--store", store, "the name of a file");
  requireAccess(dirname(store), "read", "write");
  try {
    return openArchive(store, options);
  } catch (error) {
    throw storeFailure(error);
  }
}

/** Returns the error of a store for the command line: it names the flag. */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof ArchiveError)) return error;
  const exitCode = error.kind === "bad-path" ? ExitCode.usage : ExitCode.failure;
  return new CliError(`--store: ${error.message}`, exitCode, { cause: error });
}

/**
 * Throws an error if the program may not use a file or a folder.
 *
 * @throws {CliError} With the exit code 3 and the flags that are missing.
 */
export function requireAccess(path: string, ...kinds: readonly ("read" | "write")[]): void {
  const missing = kinds.filter((name) =>
    Deno.permissions.querySync({ name, path }).state !== "granted"
  );
  if (missing.length === 0) return;
  const flags = missing.map((name) => flagFor(name, path)).join(" ");
  throw new CliError(`Permission is missing: run again with ${flags}`, ExitCode.missing);
}

function flagFor(name: string, path: string): string {
  const flag = `--allow-${name}=${path}`;
  return /^[\w@%+=:,./-]+$/.test(flag) ? flag : `'${flag.replaceAll("'", `'\\''`)}'`;
}
