/**
 * The tests that every archive passes, on whatever it stores.
 *
 * @module
 */

import type { OpenArchive, OpenImporting } from "./archives.ts";
import { testKeep } from "./conformance_keep.ts";
import { testLife } from "./conformance_life.ts";
import { testMessages } from "./conformance_messages.ts";
import { testSearch } from "./conformance_search.ts";
import { testTransfer } from "./conformance_transfer.ts";
import { testUsers } from "./conformance_users.ts";

/**
 * Registers the tests for one kind of archive.
 *
 * @param kind The name of the kind, for the names of the tests.
 * @param open Makes an empty archive.
 * @param options Whether the tests are ignored, for the want of a program.
 */
export function testArchive(kind: string, open: OpenArchive, { ignore = false } = {}): void {
  const test = tests(kind, open, ignore);
  testMessages(test, open);
  testUsers(test);
  testSearch(test);
  testKeep(test);
  testLife(test);
}

/** Registers the tests for one kind of archive that can be filled from an export. */
export function testImporting(kind: string, open: OpenImporting): void {
  testArchive(kind, open);
  testTransfer(tests(kind, open), open);
}

function tests<F extends AsyncDisposable>(kind: string, open: () => Promise<F>, ignore = false) {
  return (name: string, body: (fixture: F) => Promise<void>) =>
    Deno.test({
      name: `${kind} ${name}`,
      ignore,
      async fn() {
        await using fixture = await open();
        await body(fixture);
      },
    });
}
