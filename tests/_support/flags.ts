/**
 * Flags for the processes of Deno that tests start.
 *
 * `deno.json` turns the lock file off, so that `deno task` installs only what a program needs. Each
 * command names the file instead. Without it, Deno asks the npm registry for the versions, which fails in
 * a namespace without a network.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** Takes the versions and the checksums of npm packages from the lock file. */
export const LOCK = `--lock=${fileURLToPath(new URL("../../deno.lock", import.meta.url))}`;

/** Gives a script outside of the repository the imports and the settings of the repository. */
export const CONFIG: readonly string[] = [
  `--config=${fileURLToPath(new URL("../../deno.json", import.meta.url))}`,
  LOCK,
];
