/** The names of files in paths. @module */

import { mapName, nameProblem } from "../../net/internal/local_name.ts";
import { CliError } from "../../tools/cli.ts";

/** Returns the last part of a path, which must be the name of a file. */
export function nameOf(path: string): string {
  const name = path.replace(/^.*[/\\]/, "");
  if (name !== "" && name !== "." && name !== "..") return name;
  throw new CliError(`Missing argument: a name for ${path}`, 2);
}

/** Returns the name of a local file for a path on the server. */
export function localNameOf(path: string, maps: boolean): string {
  const name = nameOf(path);
  if (maps) return mapName(name);
  const problem = nameProblem(name);
  if (problem === undefined) return name;
  throw new CliError(`${problem}: give ${name} another local name, or --map-names`, 2);
}
