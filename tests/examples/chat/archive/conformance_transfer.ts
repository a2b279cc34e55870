/**
 * The tests of exports and imports that every archive of one process passes.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";
import {
  fill,
  found,
  history,
  type ImportingTest,
  lines,
  type OpenImporting,
  outcomes,
  streamed,
} from "./archives.ts";
import { message, user } from "./entries.ts";

/** Registers the tests. */
export function testTransfer(test: ImportingTest, open: OpenImporting): void {
  test("exports everything, and imports it with the same result", async ({ archive }) => {
    await using other = await open();
    await fill(archive);
    const exported = await lines(archive);
    assertEquals(exported.filter((line) => /\n/.test(line)), []);
    const report = await other.archive.import(streamed(exported));
    assertEquals(report, { users: 2, messages: 4 });
    assertEquals(await lines(other.archive), exported);
    assertEquals([other.archive.epoch, other.archive.lastSeq], [archive.epoch, 8]);
    assertEquals(await history(other.archive), await history(archive));
    assertEquals(await found(other.archive, ["hello"]), await found(archive, ["hello"]));
    const again = await other.archive.append([message(9, { line: "a:1" })]);
    assertEquals(outcomes(again), ["repeated"]);
  });

  test("refuses an import with a bad line, names it, and imports nothing", async ({ archive }) => {
    await using source = await open();
    await fill(source.archive);
    const good = await lines(source.archive);
    const attempts: [string[], RegExp][] = [
      [good.with(3, "{"), /line 4: it is not JSON/],
      [good.with(1, "[]"), /line 2: its type must be one of/],
      [good.with(1, "null"), /line 2: its type must be one of/],
      [good.slice(1), /line 1: the line of the type store must be the first/],
      [good.slice(0, -1), new RegExp(`line ${good.length}: the line of the type end is missing`)],
      [good.toSpliced(2, 1), new RegExp(`line ${good.length - 1}: the export had`)],
      [[...good, good[1]!], /it comes after the end/],
      [good.map((line) => line.replace('"seq":2,', '"seq":"2",')), /seq must be an integer/],
      [good.map((line) => line.replace('"seq":3,', '"seq":1,')), /seq must be higher/],
      [good.map((line) => line.replace("hello", "\\u001b[2J")), /text must be a text without/],
      [good.with(2, good[1]!), /line 3: id must be higher/],
      [good.map((line) => line.replace('"target":2', '"target":77')), /contradicts/],
      [good.map((line) => line.replace('"format":1', '"format":2')), /line 1: format must be 1/],
    ];
    const before = archive.epoch;
    for (const [bad, reason] of attempts) {
      const error = await assertRejects(
        () => archive.import(streamed(bad)),
        ArchiveError,
        "",
        `${reason}`,
      );
      assertEquals([error.kind, reason.test(error.message)], ["bad-line", true], error.message);
    }
    assertEquals([archive.epoch, archive.lastSeq, await archive.rooms()], [before, 0, []]);
    await archive.import(streamed(good));
  });

  test("never gives the id of a removed user again, also after an import", async ({ archive }) => {
    const [ann, bob, cem] = await archive.saveUsers([
      user({ name: "Ann" }),
      user({ name: "Bob" }),
      user({ name: "Cem" }),
    ]);
    const secret = message(1, { user: ann!, room: `@${ann}:${bob}`, text: "for Bob alone" });
    await archive.append([secret]);
    await archive.forget(bob!);
    await archive.forget(cem!);
    const exported = await lines(archive);
    // An export of an earlier version does not have the last id.
    const earlier = exported.map((line) => line.replace(/"lastUser":\d+,/, ""));
    for (const [given, lowest] of [[exported, cem! + 1], [earlier, bob! + 1]] as const) {
      await using other = await open();
      await other.archive.import(streamed(given));
      const [id] = await other.archive.saveUsers([user({ name: "Dora" })]);
      assertEquals(id, lowest);
      assertEquals(await other.archive.conversations(id!), []);
    }
  });

  test("takes the harm out of an import", async ({ archive }) => {
    await archive.saveUsers([user()]);
    await archive.append([message(1, { text: "one\ntwo" })]);
    const hostile = (await lines(archive)).map((line) =>
      line.replaceAll('"Ann"', '"Ann\\n\u202e* Server"').replace("two", "\u202etwo")
    );
    await using other = await open();
    await other.archive.import(streamed(hostile));
    const [found] = await history(other.archive);
    assertEquals([found?.name, found?.text], ["Ann * Server", "one\ntwo"]);
    const spy = hostile.map((line) => line.replace('{"key":"#lobby"', '{"key":"@1:2"'));
    await using third = await open();
    await assertRejects(() => third.archive.import(streamed(spy)), ArchiveError, "rooms must be");
  });

  test("imports into an empty store only", async ({ archive }) => {
    await archive.saveUsers([user()]);
    const error = await assertRejects(() => archive.import(streamed([])), ArchiveError);
    assertEquals(error.kind, "not-empty");
  });
}
