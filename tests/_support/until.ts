/** Waiting for what a test cannot be told. @module */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";

/** Minimum number of looks: thirty seconds are short for a process that gets no processor. */
const LOOKS = 3000;

/** Waits until `check` holds; fails after thirty seconds and enough looks. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  for (let looks = 0; !(await check()); looks++) {
    assert(looks < LOOKS || performance.now() < end, `not within thirty seconds: ${check}`);
    await delay(2);
  }
}
