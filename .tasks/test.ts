/**
 * Runs all tests and all examples in the documentation, or only the given files.
 *
 * ```sh
 * deno task test                                       # everything
 * deno task test tests/net/text_test.ts                # one file
 * deno task test tests/net --filter "line codec"       # the tests of a folder with these words
 * ```
 *
 * @module
 */

import { runDeno } from "./_deno.ts";

/**
 * Returns the arguments of `deno` that run the tests.
 *
 * @param args Files, folders and flags of `deno test`. A leading `--`, as `npm run` wants it, is removed.
 */
export function testArguments(args: readonly string[] = []): string[] {
  const own = args[0] === "--" ? args.slice(1) : args;
  return ["test", "-q", "--lock=deno.lock", "--frozen", "-A", "--parallel", "--doc", ...own];
}

if (import.meta.main) Deno.exit(await runDeno(testArguments(Deno.args)));
