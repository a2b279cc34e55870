/**
 * The tests that every archive passes, on whatever it stores.
 *
 * @module
 */

import type { ArchiveFixture, ArchiveTest, OpenArchive } from "./archives.ts";
import { testKeep } from "./conformance_keep.ts";
import { testMessages } from "./conformance_messages.ts";
import { testSearch } from "./conformance_search.ts";
import { testTransfer } from "./conformance_transfer.ts";
import { testUsers } from "./conformance_users.ts";

/**
 * Registers the tests for one kind of archive.
 *
 * @param kind The name of the kind, for the names of the tests.
 * @param open Makes an empty archive.
 */
export function testArchive(kind: string, open: OpenArchive): void {
  const test: ArchiveTest = (name, body) =>
    Deno.test(`${kind} ${name}`, async () => {
      await using fixture: ArchiveFixture = await open();
      await body(fixture);
    });
  testMessages(test, open);
  testUsers(test);
  testSearch(test);
  testKeep(test);
  testTransfer(test, open);
}
