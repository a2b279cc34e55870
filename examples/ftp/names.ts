/** The names of files in paths. @module */

import { CliError } from "../../tools/cli.ts";

/** Returns the last part of a path, which must be the name of a file. */
export function nameOf(path: string): string {
  const name = path.replace(/^.*[/\\]/, "");
  if (name !== "" && name !== "." && name !== "..") return name;
  throw new CliError(`Missing argument: a name for ${path}`, 2);
}
