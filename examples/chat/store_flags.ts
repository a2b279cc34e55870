/**
 * The flags of the chat that say where messages are kept, and for how long.
 *
 * @module
 */

import { badValue, type CliValues, type None } from "../../tools/cli.ts";
import type { KeepLimits } from "./archive/archive.ts";

/** The part of `--help` about the store. */
export const STORE_HELP =
  "Messages are kept in memory: the newest 500 of each room, or as many as --history. With --store " +
  "FILE, all messages, users and descriptions of files are kept in an SQLite file, and a confirmed " +
  "line survives a crash. One chat at a time can use the file; --backup and --export can read it " +
  "meanwhile. A chat uses one core; for more cores or machines, run several with the same --bus.";

/** The flags of the store. */
export const storeFlags = {
  store: {
    type: "string",
    placeholder: "file",
    help: "SQLite file that keeps messages, users and files; without it they are in memory only",
  },
  keep: {
    type: "duration",
    default: "0",
    max: "36500d",
    help: "Age at which messages are removed, such as 90d; 0: never",
  },
  keepMessages: {
    type: "integer",
    default: 0,
    min: 0,
    help: "Messages to keep in each room; 0: no limit",
  },
  keepSize: {
    type: "size",
    default: "0",
    help: "Size of the store at which the oldest messages are removed, from 1MiB; 0: no limit",
  },
  backup: {
    type: "string",
    placeholder: "file",
    help: "Write a copy of --store to a new file, and end; the chat can run meanwhile",
  },
  export: {
    type: "string",
    placeholder: "file",
    help: "Write --store as JSON Lines to a new file or to -, and end; the chat can run meanwhile",
  },
  import: {
    type: "string",
    placeholder: "file",
    help: "Fill a new --store from an export in a file or from -, and end",
  },
  forget: {
    type: "list",
    placeholder: "user",
    help: "Delete all messages of a user of --store by name or id, and end",
  },
} as const;

/** The parsed values of the flags of the store. */
export type StoreFlags = CliValues<typeof storeFlags, None>;

/** One of the flags that do something with the store and end. */
export type StoreCommand = "backup" | "export" | "import" | "forget";

const COMMANDS: readonly StoreCommand[] = ["backup", "export", "import", "forget"];

/** The smallest size that a store can be limited to. */
const MIN_SIZE = 1024 * 1024;

/** Maximum size of the texts and their indexes in memory, in bytes. */
const MAX_MEMORY = 128 * 1024 * 1024;

/** Number of messages that each room keeps in memory at least. */
const MIN_MESSAGES = 500;

const HOUR = 3_600_000;

/**
 * Returns the command among the flags; undefined if the chat is to run.
 *
 * @throws {CliError} If there are two, or the store is missing.
 */
export function storeCommand(values: StoreFlags): StoreCommand | undefined {
  const [command, second] = COMMANDS.filter((name) => {
    const value = values[name];
    return value !== undefined && value.length > 0;
  });
  if (command === undefined) return undefined;
  const given = String(values[command]);
  if (second !== undefined) throw badValue(`--${command}`, given, `no --${second} beside it`);
  if (values.store === undefined) throw badValue(`--${command}`, given, "--store FILE beside it");
  return command;
}

/**
 * Returns what the archive keeps.
 *
 * @param values The values of the flags; `history` is the number of messages that newcomers are shown.
 * @throws {CliError} If the size is too small.
 */
export function keepLimits(values: StoreFlags & { readonly history: number }): KeepLimits {
  const { store, keep, keepMessages, keepSize, history } = values;
  if (keepSize > 0 && keepSize < MIN_SIZE) {
    throw badValue("--keep-size", `${keepSize}`, "a size of at least 1MiB, or 0");
  }
  const isInMemory = store === undefined;
  const messages = least(keepMessages, isInMemory ? Math.max(history, MIN_MESSAGES) : 0);
  const size = least(keepSize, isInMemory ? MAX_MEMORY : 0);
  return {
    ...(keep > 0 && { age: keep }),
    ...(messages > 0 && { messages }),
    ...(size > 0 && { size }),
    users: isInMemory ? HOUR : 30 * 24 * HOUR,
  };
}

/** Returns the smaller of two limits, of which 0 means none. */
function least(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
}
