/** Makes an input that breaks a property smaller. @module */

import { check, type Failure, type FuzzTarget } from "./target.ts";

/** Maximum number of smaller inputs that are tried. */
const MAX_TRIES = 2000;

/** Returns a failure with the smallest input that was found for the same problem. */
export async function shrink(
  target: FuzzTarget,
  failure: Failure,
): Promise<Failure> {
  // Each run of a slow input takes long.
  if (/^(?:\d|It does)/.test(failure.problem)) return failure;
  let best = failure;
  let tries = 0;
  for (let size = best.input.length >> 1; size > 0; size = size >> 1) {
    for (let at = 0; at < best.input.length && tries < MAX_TRIES; tries++) {
      const input = best.input.slice(0, at) + best.input.slice(at + size);
      const cuts = best.cuts.map((cut) => cut > at ? Math.max(at, cut - size) : cut);
      const found = await check(target, input, cuts, false);
      if ("problem" in found && sameKind(found.problem, best.problem)) {
        best = { ...best, input, cuts, problem: found.problem };
      } else {
        at += size;
      }
    }
  }
  return best;
}

/** Returns whether two problems begin alike: with the property, and the class of the error. */
function sameKind(one: string, other: string): boolean {
  return one.slice(0, 35) === other.slice(0, 35);
}
