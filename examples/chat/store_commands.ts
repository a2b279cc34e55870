/**
 * The commands of the chat for its store: `--backup`, `--export`, `--import` and `--forget`.
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the folder of the store, and for the file of
 * the command.
 *
 * @module
 */

import { dirname } from "node:path";
import { ifFound } from "../../net/internal/local_files.ts";
import { type CliContext, CliError, ExitCode } from "../../tools/cli.ts";
import { quote } from "../../tools/internal/text.ts";
import { ArchiveError } from "./archive/archive_error.ts";
import { readLines } from "./archive/lines.ts";
import type { SqliteArchive } from "./archive/sqlite_archive.ts";
import type { UserRecord } from "./archive/archive.ts";
import { openStore, requireAccess, storeFailure } from "./store.ts";
import { type StoreCommand, storeCommand, type StoreFlags } from "./store_flags.ts";

/** Maximum size of a line of an import, in UTF-16 units. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * Runs the command of the flags.
 *
 * @param values The values of the flags.
 * @param ctx The tools of the running program.
 * @returns Whether there was a command. Otherwise the chat is to run.
 * @throws {CliError} If the command failed.
 */
export async function runStoreCommand(values: StoreFlags, ctx: CliContext): Promise<boolean> {
  const command = storeCommand(values);
  if (command === undefined) return false;
  const readOnly = command === "backup" || command === "export";
  const archive = openStore(values, { readOnly, create: command === "import" });
  let done = false;
  try {
    await COMMANDS[command](archive, values, ctx);
    done = true;
  } catch (error) {
    throw commandFailure(command, error);
  } finally {
    await archive[Symbol.asyncDispose]();
    // An import that failed leaves no empty store behind.
    if (!done && archive.isNew) await removeStore(archive.path);
  }
  return true;
}

async function removeStore(path: string): Promise<void> {
  for (const file of [path, `${path}-lock`]) await ifFound(Deno.remove(file));
}

type Command = (archive: SqliteArchive, values: StoreFlags, ctx: CliContext) => Promise<void>;

const COMMANDS: Readonly<Record<StoreCommand, Command>> = {
  async backup(archive, values, ctx) {
    const path = values.backup!;
    requireAccess(dirname(path), "read", "write");
    await archive.backup(path);
    tell(ctx, values, { backup: path }, `backup written to ${path}`);
  },

  async export(archive, values, ctx) {
    const path = values.export!;
    if (path === "-") {
      for await (const line of archive.export()) {
        ctx.signal.throwIfAborted();
        ctx.io.stdout(`${line}\n`);
      }
      return;
    }
    requireAccess(dirname(path), "write");
    const lines = await writeLines(path, archive.export(), ctx.signal);
    tell(ctx, values, { export: path, lines }, `${lines} lines written to ${path}`);
  },

  async import(archive, values, ctx) {
    const path = values.import!;
    if (path !== "-") requireAccess(path, "read");
    using file = path === "-" ? undefined : await Deno.open(path);
    const source = file?.readable ?? Deno.stdin.readable;
    const report = await archive.import(until(ctx.signal, readLines(source, MAX_LINE)));
    const { users, messages } = report;
    tell(
      ctx,
      values,
      { import: path, ...report },
      `${users} users and ${messages} messages imported`,
    );
  },

  async forget(archive, values, ctx) {
    const users: UserRecord[] = [];
    for (const given of values.forget) users.push(await findUser(archive, given));
    for (const { id, name } of users) {
      const messages = await archive.forget(id!);
      tell(
        ctx,
        values,
        { forget: id, name, messages },
        `${messages} messages of ${name} (${id}) deleted`,
      );
    }
  },
};

/** Returns the user with an id or a name. */
async function findUser(archive: SqliteArchive, given: string): Promise<UserRecord> {
  const id = /^[1-9]\d{0,14}$/.test(given) ? Number(given) : undefined;
  const byId = id === undefined ? undefined : await archive.user(id);
  if (byId !== undefined) return byId;
  const [found, ...others] = await archive.usersNamed(given);
  if (found === undefined) throw new CliError(`--forget: the store has no user ${quote(given)}`);
  if (others.length === 0) return found;
  const all = [found, ...others].slice(0, 20).map((user) => `--forget ${user.id}`).join(" ");
  const count = others.length + 1;
  throw new CliError(
    `--forget: ${count} users had the name ${quote(given)}; choose by id, the latest first: ${all}`,
    ExitCode.usage,
  );
}

/** Writes lines to a new file, and removes it if that fails. */
async function writeLines(
  path: string,
  lines: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<number> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  let count = 0;
  const encoder = new TextEncoder();
  try {
    for await (const line of until(signal, lines)) {
      let bytes = encoder.encode(`${line}\n`);
      while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
      count++;
    }
    await file.sync();
    return count;
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
}

/** Yields lines until a signal aborts. */
async function* until(signal: AbortSignal, lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) {
    signal.throwIfAborted();
    yield line;
  }
}

/** Prints the result of a command as JSON or as a sentence. */
function tell(
  { printJson, print }: CliContext,
  { json }: StoreFlags,
  result: Readonly<Record<string, unknown>>,
  sentence: string,
): void {
  if (json) printJson(result);
  else print(sentence);
}

/** Returns the error of a command for the command line: it names the flag. */
function commandFailure(command: StoreCommand, error: unknown): unknown {
  if (!(error instanceof ArchiveError)) return error;
  const isInput = error.kind === "bad-line" || /^Cannot write the backup/.test(error.message);
  return isInput ? new CliError(`--${command}: ${error.message}`) : storeFailure(error);
}
