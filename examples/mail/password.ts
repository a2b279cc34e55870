/** Passwords of the mail programs: from a file or asked for, never from the command line. @module */

import { promptSecret } from "@std/cli/prompt-secret";
import { CliError } from "../../tools/cli.ts";

/**
 * Reads a password.
 *
 * @param user Whose it is; without one there is none.
 * @param file The file that holds it in its first line.
 * @returns The password.
 * @throws {CliError} If it is neither in a file nor can be asked for.
 */
export async function readPassword(
  user: string | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  if (user === undefined) return undefined;
  if (file !== undefined) return (await Deno.readTextFile(file)).split(/\r?\n/, 1)[0]!;
  const given = Deno.stdin.isTerminal() ? promptSecret(`Password of ${user}:`) : null;
  if (given !== null) return given;
  throw new CliError("Cannot ask for a password without a terminal: give --password-file", 2);
}
