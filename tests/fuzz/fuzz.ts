/** Feeds a target with inputs until one breaks a property. @module */

import { Random } from "../_support/stress/random.ts";
import { mutate } from "./mutate.ts";
import { shrink } from "./shrink.ts";
import { check, type Failure, type FuzzTarget } from "./target.ts";

/** Maximum number of inputs that are kept because of a new kind of result. */
const MAX_CORPUS = 500;

/** How long a target is fed. */
export interface FuzzRun {
  /** The seed of the random numbers; a target gets the same inputs for the same seed. */
  readonly seed: number;
  /** Returns whether another input is tried, after so many. */
  readonly more: (tried: number) => boolean;
  /** Whether the time and the memory are checked. */
  readonly measured: boolean;
  /** Told each input before it is tried. */
  readonly onInput?: (input: string) => void;
}

/** What came of a run. */
export interface FuzzReport {
  readonly tried: number;
  /** The number of kinds of results. */
  readonly kinds: number;
  readonly failure?: Failure;
}

/** Tries the seeds of a target, and then mutations of them and of each input with a new kind of result. */
export async function fuzz(target: FuzzTarget, run: FuzzRun): Promise<FuzzReport> {
  const random = new Random(run.seed ^ hash(target.name));
  const seeds = target.seeds.map((seed) => seed.slice(0, target.limit));
  const corpus = [...new Set(["", ...seeds])];
  const kinds = new Set<string>();
  const { alphabet, limit, words = [] } = target;
  const given = corpus.length;
  let tried = 0;
  for (; tried < given || run.more(tried); tried++) {
    const input = tried < given
      ? corpus[tried]!
      : mutate(random.pick(corpus), random, { alphabet, limit, words, corpus });
    const cuts = Array.from({ length: 1 + random.below(5) }, () => random.below(input.length + 1));
    run.onInput?.(input);
    const found = await check(target, input, cuts, run.measured);
    if ("problem" in found) {
      const failure = { target: target.name, input, cuts, problem: found.problem };
      return { tried, kinds: kinds.size, failure: await shrink(target, failure) };
    }
    if (!kinds.has(found.kind)) {
      kinds.add(found.kind);
      if (corpus.length < MAX_CORPUS) corpus.push(input);
    }
  }
  return { tried, kinds: kinds.size };
}

/** Returns a number for a name (FNV-1a). */
function hash(name: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) sum = Math.imul(sum ^ name.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}
