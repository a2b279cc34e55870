/**
 * The tests of messages and changes that every archive passes.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Appended, Entry, StoredMessage } from "../../../../examples/chat/archive/archive.ts";
import {
  type ArchiveTest,
  found,
  history,
  lines,
  type OpenArchive,
  outcomes,
  seqs,
  stored,
} from "./archives.ts";
import { change, file, message, messages, START } from "./entries.ts";

/** Registers the tests. */
export function testMessages(test: ArchiveTest, open: OpenArchive): void {
  test("finds an event by the line of its author", async ({ archive }) => {
    await archive.append([message(1, { line: "1" }), message(2, { line: "2", user: 2 })]);
    assertEquals((await archive.line(1, "1"))?.seq, 1);
    assertEquals((await archive.line(2, "2"))?.seq, 2);
    assertEquals(await archive.line(2, "1"), undefined);
  });

  test("returns stored messages in order, with everything that was stored", async ({ archive }) => {
    const said = message(1, { line: "a:1", action: true });
    const results = await archive.append([said, message(2, { room: "#team", roomName: "Team" })]);
    assertEquals(results[0], { outcome: "stored", event: stored(said) });
    assertEquals(await history(archive), [stored(said)]);
    assertEquals(await archive.message(2), stored(message(2, { room: "#team", roomName: "Team" })));
    assertEquals(await archive.message(3), undefined);
    assertEquals(await history(archive, "#empty"), []);
  });

  test("stores a line of an author once, and returns the earlier event", async ({ archive }) => {
    const [first, again, other] = [1, 2, 3].map((seq) => message(seq, { line: "a:1" }));
    const results = await archive.append([first!, again!, { ...other!, user: 2 }]);
    assertEquals(outcomes(results), ["stored", "repeated", "stored"]);
    assert(results[1]?.outcome === "repeated");
    assertEquals(results[1].event.seq, 1);
    const later = await archive.append([message(4, { line: "a:1", room: "#team" })]);
    assertEquals(outcomes(later), ["repeated"]);
    assertEquals(seqs(await history(archive)), [1, 3]);
    assertEquals(await history(archive, "#team"), []);
  });

  test("stores a change of an author once", async ({ archive }) => {
    await archive.append([message(1)]);
    const edit = { kind: "edit", ...change(2, 1), line: "a:2", text: "new" } as const;
    assertEquals(outcomes(await archive.append([edit, { ...edit, seq: 3 }])), [
      "stored",
      "repeated",
    ]);
    // An id is used for a message or for a change, not for both.
    assertEquals(outcomes(await archive.append([message(4, { line: "a:2" })])), ["repeated"]);
  });

  test("pages through the history in both directions, and around a message", async ({ archive }) => {
    await archive.append(messages(1, 20));
    const page = async (query: object) => {
      const { messages, more, newer } = await archive.history("#lobby", { limit: 3, ...query });
      return [seqs(messages), more, newer];
    };
    assertEquals(await page({}), [[18, 19, 20], true, false]);
    assertEquals(await page({ before: 18 }), [[15, 16, 17], true, true]);
    assertEquals(await page({ before: 3 }), [[1, 2], false, true]);
    assertEquals(await page({ after: 17 }), [[18, 19, 20], true, false]);
    assertEquals(await page({ after: 0 }), [[1, 2, 3], false, true]);
    assertEquals(await page({ after: 20 }), [[], true, false]);
    assertEquals(await page({ around: 10 }), [[9, 10, 11], true, true]);
    assertEquals(await page({ around: 1 }), [[1, 2], false, true]);
    assertEquals(await page({ limit: 0 }), [[], true, false]);
    assertEquals(await page({ limit: 20 }), [
      seqs(messages(1, 20) as StoredMessage[]),
      false,
      false,
    ]);
  });

  test("limits the size of a page, and always returns a message", async ({ archive }) => {
    await archive.append(messages(1, 5, { text: "é".repeat(50) }));
    const page = async (maxBytes: number) => {
      const { messages, more } = await archive.history("#lobby", { limit: 9, maxBytes });
      return [seqs(messages), more];
    };
    assertEquals(await page(250), [[4, 5], true]);
    assertEquals(await page(1), [[5], true]);
    assertEquals(await page(500), [[1, 2, 3, 4, 5], false]);
  });

  test("applies edits of the author alone", async ({ archive }) => {
    await archive.append([message(1)]);
    const edit = { kind: "edit", ...change(2, 1), text: "better" } as const;
    const results = await archive.append([
      edit,
      { ...edit, seq: 3, user: 2 },
      { ...edit, seq: 4, target: 9 },
      { ...edit, seq: 5, room: "#team" },
    ]);
    assertEquals(outcomes(results), ["stored", "not-own", "gone", "gone"]);
    const [edited] = await history(archive);
    assertEquals([edited?.text, edited?.editedAt], ["better", edit.at]);
  });

  test("leaves nothing of a deleted message but its place", async ({ archive }) => {
    await archive.saveFile(file("f1"));
    await archive.append([
      message(1, { text: "secret", files: ["f1"] }),
      message(2, { reply: 1 }),
      { kind: "edit", ...change(3, 1), text: "secret too" },
      { kind: "reaction", ...change(4, 1), emoji: "👍", on: true },
      { kind: "delete", ...change(5, 1) },
    ]);
    const [gone, answer] = await history(archive);
    assertEquals([gone?.deleted, gone?.text, gone?.files, gone?.reactions, gone?.editedAt], [
      true,
      "",
      undefined,
      undefined,
      undefined,
    ]);
    assertEquals(answer?.reply, { seq: 1, name: "Ann", text: "" });
    assertEquals(await archive.file("f1"), undefined);
    assertEquals(await found(archive, ["secret"]), []);
    assert(!(await lines(archive)).join("\n").includes("secret"));
    const late = await archive.append([
      { kind: "edit", ...change(6, 1), text: "back" },
      { kind: "reaction", ...change(7, 1), emoji: "👍", on: true },
      { kind: "delete", ...change(8, 1) },
    ]);
    assertEquals(outcomes(late), ["gone", "gone", "gone"]);
  });

  test("keeps one reaction of each user and emoji, in order", async ({ archive }) => {
    await archive.append([message(1)]);
    const react = (seq: number, user: number, emoji: string, on = true) =>
      ({ kind: "reaction", ...change(seq, 1), user, name: `U${user}`, emoji, on }) as const;
    const results = await archive.append([
      react(2, 1, "👍"),
      react(3, 2, "👍"),
      react(4, 2, "👍"),
      react(5, 2, "🎉"),
      react(6, 3, "🎉", false),
      react(7, 1, "👍", false),
    ]);
    assertEquals(outcomes(results), [
      "stored",
      "stored",
      "unchanged",
      "stored",
      "unchanged",
      "stored",
    ]);
    assertEquals((await archive.message(1))?.reactions, [
      { emoji: "👍", user: 2, name: "U2" },
      { emoji: "🎉", user: 2, name: "U2" },
    ]);
  });

  test("limits the emoji at a message", async ({ archive }) => {
    await archive.append([message(1)]);
    const results = await archive.append(Array.from({ length: 21 }, (_, i) => ({
      kind: "reaction",
      ...change(2 + i, 1),
      emoji: String.fromCodePoint(0x1f600 + i),
      on: true,
    })));
    assertEquals(outcomes(results), [...Array<string>(20).fill("stored"), "too-many"]);
  });

  test("quotes the current text of an answered message of the same room", async ({ archive }) => {
    const results = await archive.append([
      message(1, { text: "x".repeat(300) }),
      message(2, { room: "@1:2", text: "private" }),
      message(3, { reply: 1 }),
      message(4, { reply: 2 }),
      message(5, { reply: 9 }),
    ]);
    assert(results[2]?.outcome === "stored" && results[2].event.kind === "message");
    assertEquals(results[2].event.reply, { seq: 1, name: "Ann", text: "x".repeat(200) });
    await archive.append([{ kind: "edit", ...change(6, 1), text: "new" }]);
    const replies = (await history(archive)).map(({ reply }) => reply?.text);
    assertEquals(replies, [undefined, "new", undefined, undefined]);
  });

  test("attaches the files of the author, in order and once", async ({ archive }) => {
    await archive.saveFile(file("f1"));
    await archive.saveFile(file("f2"));
    await archive.saveFile(file("other", { user: 2 }));
    await archive.append([message(1, { files: ["f2", "other", "f1", "f2", "unknown"] })]);
    assertEquals((await archive.message(1))?.files, [file("f2"), file("f1")]);
    assertEquals(await archive.file("f1"), file("f1"));
    assertEquals(await archive.filesTotal(), { count: 3, size: 300 });
    assertEquals(await archive.filesTotal(2), { count: 1, size: 100 });
    assertEquals(await archive.filesTotal(3), { count: 0, size: 0 });
  });

  test("finds the files that no message names", async ({ archive }) => {
    const ids = async (before: number) =>
      (await archive.unusedFiles(before, 10)).map(({ id }) => id).sort();
    for (const id of ["kept", "dropped", "never"]) await archive.saveFile(file(id));
    await archive.append([message(1, { files: ["kept"] }), message(2, { files: ["dropped"] })]);
    assertEquals(await ids(START), []);
    assertEquals(await ids(START + 1), ["never"]);
    await archive.append([{ kind: "delete", ...change(3, 2) }]);
    assertEquals(await ids(START), ["dropped"]);
    const removed = await archive.removeFiles(["dropped", "never", "kept", "unknown"]);
    assertEquals(removed, ["dropped", "never"]);
    assertEquals(await ids(START + 1), []);
    assertEquals(await archive.filesTotal(), { count: 1, size: 100 });
  });

  test("returns what happened in some rooms after a number", async ({ archive }) => {
    await archive.append([
      message(1),
      message(2, { room: "#team" }),
      message(3, { room: "#other" }),
      { kind: "edit", ...change(4, 1), text: "old news" },
      message(5),
      { kind: "edit", ...change(6, 5), text: "in its message" },
      { kind: "reaction", ...change(7, 1), emoji: "👍", on: true },
    ]);
    const { events, complete } = await archive.since(["#lobby", "#team", "#lobby"], 3, 10);
    assertEquals(events.map(({ seq, kind }) => [seq, kind]), [
      [4, "edit"],
      [5, "message"],
      [7, "reaction"],
    ]);
    assert(complete && events[0]?.kind === "edit" && events[1]?.kind === "message");
    assertEquals([events[0].text, events[1].text], ["old news", "in its message"]);
    await archive.append([{ kind: "delete", ...change(8, 1) }]);
    const after = await archive.since(["#lobby", "#unknown"], 3, 10);
    assertEquals(after.events.map(({ seq, kind }) => [seq, kind]), [[5, "message"], [8, "delete"]]);
  });

  test("tells that a backlog is longer than the limit", async ({ archive }) => {
    await archive.append([...messages(1, 5), ...messages(6, 10, { room: "#team" })]);
    const backlog = async (limit: number) => {
      const { events, complete } = await archive.since(["#lobby", "#team"], 2, limit);
      return [seqs(events), complete];
    };
    assertEquals(await backlog(8), [[3, 4, 5, 6, 7, 8, 9, 10], true]);
    assertEquals(await backlog(7), [[4, 5, 6, 7, 8, 9, 10], false]);
    assertEquals(await backlog(0), [[], false]);
  });

  test("stores nothing of a batch that fails", async ({ archive }) => {
    await archive.append([message(1)]);
    await assertRejects(() => archive.append([message(2, { room: "#new" }), message(1)]));
    assertEquals(await archive.message(2), undefined);
    assertEquals(seqs(await history(archive)), [1]);
    // The room of the failed batch must not be remembered.
    await archive.append([message(2, { room: "#new" })]);
    assertEquals(seqs(await history(archive, "#new")), [2]);
  });

  test("stores a long batch as it stores its entries one by one", async ({ archive }) => {
    const users = [1, 2];
    const batch: Entry[] = [];
    for (let seq = 1; seq <= 300; seq++) {
      const user = users[seq % 2]!;
      // Every 40 lines a line is sent again, and every 90 lines there is something other than a plain line.
      const line = seq % 3 === 0 ? undefined : `${seq % 40 === 7 ? seq - 6 : seq}`;
      const room = seq % 50 < 25 ? "#lobby" : "#team";
      const plain = message(seq, { user, room, ...line !== undefined && { line } });
      if (seq % 90 === 0) batch.push({ ...plain, reply: seq - 90 + 1 });
      else if (seq % 90 === 45) {
        batch.push({ kind: "edit", ...change(seq, seq - 2), user, room, text: "new" });
      } else batch.push(plain);
    }
    await using other = await open();
    const single = other.archive;
    const expected: Appended[] = [];
    for (const entry of batch) expected.push(...await single.append([entry]));
    assertEquals(await archive.append(batch), expected);
    assertEquals(new Set(outcomes(expected)), new Set(["stored", "repeated", "gone"]));
    for (const room of ["#lobby", "#team"]) {
      assertEquals(await history(archive, room), await history(single, room));
    }
    assertEquals(await archive.rooms(), await single.rooms());
  });

  test("lists rooms and conversations by their latest message", async ({ archive }) => {
    await archive.append([
      message(1),
      message(2, { room: "@1:2", roomName: "" }),
      message(3, { room: "#team", roomName: "Team" }),
      message(4, { room: "@2:7", roomName: "" }),
      message(5),
    ]);
    const at = (seq: number) => START + seq * 1000;
    assertEquals(await archive.rooms(), [
      { key: "#lobby", name: "Lobby", lastSeq: 5, lastAt: at(5) },
      { key: "#team", name: "Team", lastSeq: 3, lastAt: at(3) },
    ]);
    assertEquals(await archive.conversations(2), [
      { key: "@2:7", name: "", lastSeq: 4, lastAt: at(4) },
      { key: "@1:2", name: "", lastSeq: 2, lastAt: at(2) },
    ]);
    assertEquals(await archive.conversations(3), []);
  });
}
