/**
 * The tests of whole sessions with random faults, which the fuzzer runs for longer. They are ordinary tests
 * that take their number of runs and their seed from {@linkcode fuzzRuns}.
 *
 * @module
 */

import { deno, read, sourcesBelow } from "../_support/repository.ts";

/** The files of these tests. */
export const FUZZ_TESTS: readonly string[] = sourcesBelow("tests")
  .filter((file) => file.endsWith("_test.ts") && read(file).includes("/fuzz_runs.ts"));

/**
 * Runs the tests of a file.
 *
 * @param file The file.
 * @param millis The time for each of its tests, in milliseconds.
 * @param seed The seed of the random numbers.
 * @returns The output if a test failed; undefined otherwise.
 */
export async function runFuzzTest(
  file: string,
  millis: number,
  seed: number,
): Promise<string | undefined> {
  const env = { FUZZ_MILLIS: `${Math.ceil(millis)}`, FUZZ_SEED: `${seed}` };
  const { code, stdout, stderr } = await deno(["test", "-q", "-A", "--no-check", file], { env });
  return code === 0 ? undefined : stdout + stderr;
}
