/**
 * The tests of limits that every archive passes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type ArchiveTest, found, history } from "./archives.ts";
import { change, message, messages, START, user } from "./entries.ts";

/** Registers the tests. */
export function testKeep(test: ArchiveTest): void {
  test("removes messages above an age", async ({ archive }) => {
    await archive.append(messages(1, 1500));
    const now = START + 1501 * 1000;
    const report = await archive.keep({ age: 101_000 }, now);
    assertEquals(report.messages, 1399);
    assertEquals((await history(archive))[0]?.seq, 1400);
    assertEquals((await found(archive, ["text 1399"])).length, 0);
    assertEquals((await archive.since(["#lobby"], 1398, 1000)).complete, false);
    assertEquals((await archive.since(["#lobby"], 1399, 1000)).complete, true);
    assertEquals((await archive.keep({ age: 101_000 }, now)).messages, 0);
  });

  test("removes the oldest messages of rooms with too many", async ({ archive }) => {
    await archive.append([
      ...messages(1, 20),
      ...messages(21, 25, { room: "#team" }),
      { kind: "reaction", ...change(26, 1), emoji: "👍", on: true },
    ]);
    assertEquals((await archive.keep({ messages: 10 }, START)).messages, 10);
    assertEquals((await history(archive))[0]?.seq, 11);
    assertEquals((await history(archive, "#team")).length, 5);
    // The reaction to a removed message is removed, too, so a reader before it knows nothing for sure.
    assertEquals((await archive.since(["#lobby"], 25, 10)).complete, false);
    assertEquals((await archive.since(["#team"], 20, 10)).complete, true);
  });

  test("removes rooms without messages, and knows that readers missed something", async ({ archive }) => {
    await archive.append([message(1, { room: "#old" }), message(2)]);
    await archive.keep({ age: 99_000 }, START + 100_500);
    assertEquals((await archive.rooms()).map(({ key }) => key), ["#lobby"]);
    assertEquals((await archive.since(["#old"], 0, 10)).complete, false);
    assertEquals((await archive.since(["#old"], 1, 10)).complete, true);
    await archive.append([message(3, { room: "#old" })]);
    assertEquals((await archive.since(["#old"], 0, 10)).complete, false);
  });

  test("removes users without sessions and messages", async ({ archive }) => {
    const [writer] = await archive.saveUsers([
      user({ session: "gone" }),
      user({ session: "gone" }),
      user({ session: "away" }),
      user({ session: "gone", seenAt: START + 50 }),
    ]);
    await archive.append([message(1, { user: writer! })]);
    assertEquals((await archive.keep({ users: 50 }, START + 100)).users, 1);
    assertEquals((await archive.keep({ users: 50 }, START + 101)).users, 1);
    assert(await archive.user(writer!) !== undefined);
  });

  test("keeps the limit of its size", async ({ archive }) => {
    await archive.append(messages(1, 3000, { text: "x".repeat(1000) }));
    const { size } = await archive.keep({}, START);
    const { size: smaller, messages: removed } = await archive.keep({ size: size >> 1 }, START);
    assert(smaller <= size * 0.6, `${smaller} of ${size}`);
    assert(removed > 1200 && removed < 2200, `${removed}`);
    assertEquals((await history(archive)).at(-1)?.seq, 3000);
  });
}
