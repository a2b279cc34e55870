/** Files that are named on a command line. Private to `tools/`. @module */

import { CliError } from "./_failure.ts";
import { quote } from "../internal/text.ts";

/**
 * Reads a PEM file and makes sure that it holds what is wanted, so that a mixed-up file is told
 * in one line rather than by the TLS library.
 *
 * @param path The file.
 * @param label What it must hold: `CERTIFICATE`, or the end of a label such as `PRIVATE KEY`.
 * @returns Its text.
 * @throws {CliError} If there is no such block in it.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.NotCapable} If reading it is not permitted.
 *
 * @example "The authorities that a client trusts"
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { CliError, readPem } from "@portside/kit/tools/cli";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, "-----BEGIN EC PRIVATE KEY-----\nAAAA\n");
 * assertEquals((await readPem(file, "PRIVATE KEY")).length, 36);
 * await assertRejects(() => readPem(file, "CERTIFICATE"), CliError);
 * await Deno.remove(file);
 * ```
 */
export async function readPem(path: string, label: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  const labels = [...text.matchAll(/-----BEGIN ([A-Z ]+)-----/g)].map(([, found]) => found ?? "");
  if (labels.some((found) => found === label || found.endsWith(` ${label}`))) return text;
  throw new CliError(`Cannot use the file ${quote(path)}: there is no ${label} in it (PEM)`);
}
