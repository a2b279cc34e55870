/** Waiting for what a test cannot be told. @module */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";

/** Waits until `check` holds; fails after ten seconds. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await check())) {
    assert(performance.now() < end, `not within ten seconds: ${check}`);
    await delay(2);
  }
}
