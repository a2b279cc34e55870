/** Waiting for what a test cannot be told. @module */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";

/** Waits until `check` holds; fails after thirty seconds. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await check())) {
    assert(performance.now() < end, `not within thirty seconds: ${check}`);
    await delay(2);
  }
}
