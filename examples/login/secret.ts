/**
 * Reads secrets from files and from the environment. Other users of the machine see the arguments of a
 * program, and shells keep them.
 *
 * @module
 */

import { CliError } from "../../tools/cli.ts";

/** The places of a secret. */
export interface SecretSource {
  /** The name of the flag for the secret itself, without hyphens; undefined if there is no such flag. */
  readonly flag?: string;
  /** The value of this flag. */
  readonly value?: string | undefined;
  /** The value of the flag for the file, which has the same name and `-file`. */
  readonly file?: string | undefined;
  /** The name of the variable, which is used if nothing else is given and the program may read it. */
  readonly variable: string;
}

/**
 * Returns a secret.
 *
 * @param source Its flag, its file and its variable.
 * @returns The secret; undefined if it is nowhere.
 * @throws {CliError} If both the flag and the file are given.
 */
export async function secretOf(
  { flag, value, file, variable }: SecretSource,
): Promise<string | undefined> {
  if (value !== undefined && file !== undefined) {
    throw new CliError(`--${flag} and --${flag}-file exclude each other`, 2);
  }
  if (value !== undefined) return value;
  if (file !== undefined) return await readSecret(file);
  const { state } = await Deno.permissions.query({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

/**
 * Reads a password or a token from a file.
 *
 * @param file The path of a file whose first line is the secret.
 * @returns The first line of the file.
 */
export async function readSecret(file: string): Promise<string> {
  return (await readSecrets(file))[0] ?? "";
}

/**
 * Reads secrets from a file.
 *
 * @param file The path of a file with one secret per line.
 * @returns The lines. An empty last one is left out.
 */
export async function readSecrets(file: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(file)).split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
