/** How long a test with random inputs runs: `deno task fuzz` makes it longer. @module */

/** The time of an ordinary test with random inputs, about, in milliseconds. */
const USUAL = 2000;

/**
 * Returns parameters for `fc.assert()`. A time limit of fast-check would leave a session open that it
 * interrupts, so a longer test has more runs.
 *
 * @param numRuns The number of runs in an ordinary test.
 */
export function fuzzRuns(numRuns: number): { numRuns: number; endOnFailure: true; seed?: number } {
  const [millis, seed] = [Deno.env.get("FUZZ_MILLIS"), Deno.env.get("FUZZ_SEED")];
  if (millis === undefined) return { numRuns, endOnFailure: true };
  const times = Math.max(1, Math.round(Number(millis) / USUAL));
  return { numRuns: numRuns * times, endOnFailure: true, seed: Number(seed ?? 1) };
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
