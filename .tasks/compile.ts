/**
 * Compiles one program of the package into an executable file with the permissions of that program.
 *
 * ```sh
 * deno task compile chat           # dist/chat
 * deno task compile chat /tmp/chat # another file
 * ```
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { runDeno } from "./_deno.ts";

/** The programs that have a task and a permission set: name to file. */
export const PROGRAMS: ReadonlyMap<string, string> = new Map(
  Object.entries<string | { command: string }>(config.tasks).flatMap(([name, task]) => {
    const command = typeof task === "string" ? task : task.command;
    const [, set, file] = /^deno run -q --lock=deno\.lock -P=(\S+) (\S+\.ts)$/.exec(command) ?? [];
    return set === name && file !== undefined ? [[name, file]] : [];
  }),
);

/**
 * Returns the arguments of `deno` that compile a program.
 *
 * @param name The name of the program, as in `deno task`.
 * @param output The path of the executable file.
 * @throws {TypeError} If there is no such program.
 */
export function compileArguments(name: string, output = `dist/${name}`): string[] {
  const file = PROGRAMS.get(name);
  if (file === undefined) {
    throw new TypeError(
      `Cannot compile ${JSON.stringify(name)}: the programs are ${[...PROGRAMS.keys()].join(", ")}`,
    );
  }
  return ["compile", "-q", "--lock=deno.lock", `-P=${name}`, "-o", output, file];
}

/** Compiles a program and returns the exit code: 2 for wrong arguments, else that of `deno compile`. */
async function main([name = "", output, ...rest]: readonly string[]): Promise<number> {
  let args: string[];
  try {
    args = compileArguments(name, output);
    if (rest.length > 0) throw new TypeError(`Unexpected argument: ${rest[0]}`);
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: deno task compile PROGRAM [FILE]`);
    return 2;
  }
  return await runDeno(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
