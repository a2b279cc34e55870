/** Tests that need a process of their own. @module */

import { assertEquals, assertMatch } from "@std/assert";
import { deno } from "./repository.ts";

const ALONE = "PORTSIDE_TEST_ALONE";

/**
 * Registers a test that measures its whole process, such as its open descriptors or its memory.
 * `deno test --parallel` runs several files in one process, so the test starts a second `deno test`
 * that runs this test alone.
 */
export function testAlone(
  file: string,
  { name, ignore = false, fn }: { name: string; ignore?: boolean; fn: () => Promise<void> },
): void {
  const alone = Deno.env.has(ALONE);
  Deno.test({
    name,
    ignore,
    fn: alone ? fn : async () => {
      const args = ["test", "-A", "--no-check", `--filter=${name}`, file];
      const { code, stdout, stderr } = await deno(args, { env: { [ALONE]: "1" } });
      assertEquals(code, 0, stdout + stderr);
      assertMatch(stdout, /^ok \| 1 passed/m);
    },
  });
}
