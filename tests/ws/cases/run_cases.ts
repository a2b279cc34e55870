/** Registers the tests of all cases against one subject. Each subject has a file of its own. @module */

import { assertEquals } from "@std/assert";
import { SECTIONS } from "./all.ts";
import { faultsOf } from "./player.ts";
import type { Subject } from "./subjects.ts";

/** Registers every case, in every delivery, against a subject. */
export function testCases(name: string, make: () => Subject): void {
  for (const [section, cases] of Object.entries(SECTIONS)) {
    Deno.test(`cases of ${section} against ${name}`, async () => {
      await using subject = make();
      assertEquals(await faultsOf(subject, cases), []);
    });
  }
}
