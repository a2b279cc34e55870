/**
 * The repository as tests of the repository see it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

/** Its folder, with a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The floors of the library that exist, the lowest first. */
export const FLOORS: readonly string[] = ["net", "http", "ws", "tools"].filter((floor) =>
  namesIn(floor).length > 0
);

/** `exports` of deno.json: subpath to file. */
export const EXPORTS: Readonly<Record<string, string>> = config.exports;

/** `tasks` of deno.json: name to command. */
export const TASKS: ReadonlyMap<string, string> = new Map(
  Object.entries(config.tasks).map(([name, task]) => [
    name,
    typeof task === "string" ? task : task.command,
  ]),
);

/** `permissions` of deno.json as the flags that mean the same: name to flags. */
export const PERMISSION_FLAGS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries<Record<string, boolean | string[]>>(config.permissions).map(([name, set]) => [
    name,
    Object.entries(set).map(([permission, value]) =>
      `--allow-${permission}${value === true ? "" : `=${[value].flat().join(",")}`}`
    ),
  ]),
);

/** What a deno command left. */
export interface DenoResult {
  /** Its exit code. */
  code: number;
  /** Its standard output. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
}

/** Runs this very Deno, in the root unless told otherwise, without colours. */
export async function deno(
  args: string[],
  options: { cwd?: string; env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<DenoResult> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", ...options.env },
    signal: options.signal,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The text of a file of the repository. */
export function read(path: string): string {
  return Deno.readTextFileSync(ROOT + path);
}

/** Whether the repository has this file or folder. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(ROOT + path);
    return true;
  } catch {
    return false;
  }
}

/** The names in a folder of the repository, sorted; none when there is no such folder. */
export function namesIn(folder: string): string[] {
  if (!exists(folder)) return [];
  return Array.from(Deno.readDirSync(ROOT + folder), ({ name }) => name).sort();
}

/** The modules of a folder that are not private, as paths from the root, `mod.ts` among them. */
export function publicModules(folder: string): string[] {
  return namesIn(folder).filter((name) => /^[^_].*\.ts$/.test(name)).map((name) =>
    `${folder}/${name}`
  );
}

/** The modules below a folder that are neither private nor internal, as paths from the root. */
export function publicModulesBelow(folder: string): string[] {
  return sourcesBelow(folder).filter((path) => !/(^|\/)(_[^/]*|internal\/.*)$/.test(path));
}

/** Every TypeScript file below a folder of the repository, as paths from the root. */
export function sourcesBelow(folder: string): string[] {
  return namesIn(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (Deno.statSync(ROOT + path).isDirectory) return sourcesBelow(path);
    return name.endsWith(".ts") ? [path] : [];
  });
}

/** A folder of its own under the system's temporary one, removed when disposed of. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "portside-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
