/** How long a test with random inputs runs: `deno task fuzz` makes it longer. @module */

/**
 * Returns parameters for `fc.assert()`.
 *
 * @param numRuns The number of runs in an ordinary test.
 */
export function fuzzRuns(numRuns: number): {
  numRuns: number;
  endOnFailure: true;
  seed?: number;
  interruptAfterTimeLimit?: number;
  markInterruptAsFailure?: false;
} {
  const [millis, seed] = [Deno.env.get("FUZZ_MILLIS"), Deno.env.get("FUZZ_SEED")];
  if (millis === undefined) return { numRuns, endOnFailure: true };
  return {
    numRuns: 1_000_000,
    endOnFailure: true,
    seed: Number(seed ?? 1),
    interruptAfterTimeLimit: Number(millis),
    markInterruptAsFailure: false,
  };
}

/** Returns the seeds of a test that has its own random numbers. */
export function fuzzSeeds(...seeds: readonly number[]): readonly number[] {
  const seed = Deno.env.get("FUZZ_SEED");
  return seed === undefined ? seeds : seeds.map((one) => one + Number(seed) * seeds.length);
}

const started = performance.now();

/** Returns whether such a test goes on because the fuzzer wants it to. */
export function moreFuzz(): boolean {
  return performance.now() - started < Number(Deno.env.get("FUZZ_MILLIS") ?? 0);
}
