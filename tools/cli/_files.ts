import { CliError } from "./_failure.ts";
import { quote } from "../internal/text.ts";

/**
 * Reads a PEM file and checks that it contains a block with the label. A wrong file then gives a
 * readable error, not one of the TLS library.
 *
 * @param path The path of the file.
 * @param label The required label: `CERTIFICATE`, or the end of a label such as `PRIVATE KEY`.
 * @returns The text of the file.
 * @throws {CliError} If the file has no such block.
 * @throws {Deno.errors.NotFound} If the file does not exist.
 * @throws {Deno.errors.NotCapable} If the permission to read is missing.
 *
 * @example "Read a key"
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
  throw new CliError(`Cannot use the file ${quote(path)}: it contains no ${label} in PEM`);
}
