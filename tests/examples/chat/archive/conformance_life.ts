/**
 * The tests of the life of an archive that every archive passes.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";
import { type ArchiveTest, fill, found, lines } from "./archives.ts";
import { message, START } from "./entries.ts";

/** Registers the tests. */
export function testLife(test: ArchiveTest): void {
  test("refuses everything after its end", async (fixture) => {
    const { archive } = fixture;
    await archive.append([message(1)]);
    await archive[Symbol.asyncDispose]();
    await archive[Symbol.asyncDispose]();
    for (
      const call of [
        () => archive.append([message(2)]),
        () => archive.history("#lobby", { limit: 1 }),
        () => archive.search({ words: ["abc"], from: [], rooms: ["#lobby"] }, { limit: 1 }),
        () => archive.keep({}, START),
      ]
    ) {
      const error = await assertRejects(call, ArchiveError);
      assertEquals(error.kind, "closed");
    }
  });

  test("has everything after it was opened again", async (fixture) => {
    if (fixture.reopen === undefined) return;
    const { archive: first } = fixture;
    await fill(first);
    await found(first, ["hello"]);
    const exported = await lines(first);
    const second = await fixture.reopen();
    assertEquals([second.epoch, second.lastSeq], [first.epoch, 8]);
    assertEquals(await lines(second), exported);
    await second.append([message(9, { text: "hello again" })]);
    assertEquals(await found(second, ["hello"]), [9, 1]);
    // A number is never used twice, even if its message was removed.
    await second.keep({ age: 1 }, START + 1e9);
    assertEquals((await fixture.reopen()).lastSeq, 9);
  });
}
