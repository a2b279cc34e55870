/**
 * The tests of users that every archive passes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type ArchiveTest, history, lines } from "./archives.ts";
import { change, file, message, START, user } from "./entries.ts";

/** Registers the tests. */
export function testUsers(test: ArchiveTest): void {
  test("remembers users by id, token and session", async ({ archive }) => {
    const ann = user({ tokenHash: "aa" });
    const ids = await archive.saveUsers([ann, user({ name: "Bob", session: "gone" })]);
    assertEquals(new Set(ids).size, 2);
    const saved = { ...ann, id: ids[0]! };
    assertEquals(await archive.userByToken("aa"), saved);
    assertEquals(await archive.user(ids[0]!), saved);
    assertEquals(await archive.aliveUsers(), [saved]);
    assertEquals([await archive.user(99), await archive.userByToken("bb")], [undefined, undefined]);
    const moved = { ...saved, name: "Anna", session: "away", rooms: [] } as const;
    assertEquals(await archive.saveUsers([moved]), [ids[0]!]);
    assertEquals(await archive.aliveUsers(), [moved]);
  });

  test("never gives the id of a removed user to another one", async ({ archive }) => {
    const [first] = await archive.saveUsers([user()]);
    await archive.forget(first!);
    const [second] = await archive.saveUsers([user()]);
    assert(second! > first!);
  });

  test("finds users by the names that they have or had", async ({ archive }) => {
    const [ann, bob] = await archive.saveUsers([user(), user({ name: "Bob", seenAt: START + 1 })]);
    await archive.append([message(1, { user: bob!, name: "ANN" })]);
    const named = async (name: string) => (await archive.usersNamed(name)).map(({ id }) => id);
    assertEquals(await named("ann"), [bob, ann]);
    assertEquals(await named("bob"), [bob]);
    assertEquals(await named("eve"), []);
  });

  test("deletes everything of a user", async ({ archive }) => {
    const [ann, bob] = await archive.saveUsers([user(), user({ name: "Bob" })]);
    await archive.saveFile(file("f1", { user: ann!, name: "ann.png" }));
    await archive.append([
      message(1, { user: ann!, text: "mine", files: ["f1"] }),
      message(2, { user: bob!, name: "Bob", text: "yours", reply: 1 }),
      { kind: "reaction", ...change(3, 2), user: ann!, emoji: "👍", on: true },
      message(4, { user: ann!, room: `@${ann}:${bob}`, text: "whisper" }),
    ]);
    assertEquals(await archive.forget(ann!), 2);
    assertEquals((await history(archive)).map((one) => [one.text, one.reply, one.reactions]), [
      ["yours", undefined, undefined],
    ]);
    assertEquals(await archive.conversations(bob!), []);
    assertEquals(await archive.user(ann!), undefined);
    assertEquals(await archive.usersNamed("ann"), []);
    // The content of the file is still to be removed.
    assertEquals((await archive.unusedFiles(0, 9)).map(({ id, name }) => [id, name]), [["f1", ""]]);
    // Pages that show the message get the history anew.
    assertEquals((await archive.since(["#lobby"], 4, 10)).complete, false);
    assert(!/mine|whisper|Ann/.test((await lines(archive)).join("\n")));
  });
}
