/**
 * The tests that every archive passes, on whatever it stores.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type {
  Appended,
  Archive,
  MessageEntry,
  StoredEvent,
  StoredMessage,
} from "../../../../examples/chat/archive/archive.ts";
import { change, file, message, messages, START, user } from "./entries.ts";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";

/** An archive for one test. */
export interface ArchiveFixture extends AsyncDisposable {
  /** The archive, which is empty at first. */
  readonly archive: Archive;
  /** Closes the archive and opens it again; undefined if its content ends with it. */
  reopen?(): Promise<Archive>;
}

/** Returns a message as an archive returns it. */
function stored(
  { reply: _reply, files: _files, roomName = "", ...rest }: MessageEntry,
): StoredMessage {
  return { ...rest, roomName };
}

function outcomes(results: readonly Appended[]): string[] {
  return results.map((result) => "reason" in result ? result.reason : result.outcome);
}

function seqs(events: readonly StoredEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

async function history(archive: Archive, room = "#lobby"): Promise<readonly StoredMessage[]> {
  return (await archive.history(room, { limit: 1000 })).messages;
}

async function lines(archive: Archive): Promise<string[]> {
  return await Array.fromAsync(archive.export());
}

async function* streamed(given: readonly string[]): AsyncGenerator<string> {
  for (const line of given) yield await Promise.resolve(line);
}

async function found(archive: Archive, words: string[], more = {}): Promise<number[]> {
  const query = { words, from: [], rooms: ["#lobby", "#team"], ...more };
  const { hits } = await archive.search(query, { limit: 100 });
  return hits.map(({ message: { seq } }) => seq);
}

/**
 * Registers the tests for one kind of archive.
 *
 * @param kind The name of the kind, for the names of the tests.
 * @param open Makes an empty archive.
 */
export function testArchive(kind: string, open: () => Promise<ArchiveFixture>): void {
  const test = (name: string, body: (fixture: ArchiveFixture) => Promise<void>) =>
    Deno.test(`${kind} ${name}`, async () => {
      await using fixture = await open();
      await body(fixture);
    });

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

  test("finds words and phrases in any case and script", async ({ archive }) => {
    await archive.append([
      message(1, { text: "The Quick brown fox" }),
      message(2, { text: "quick, but not brown" }),
      message(3, { text: "明天下午三点开会，请大家准时" }),
      message(4, { text: "École d’été, ok" }),
      message(5, { text: "ΟΔΟΣ και οδός" }),
    ]);
    assertEquals(await found(archive, ["quick"]), [2, 1]);
    assertEquals(await found(archive, ["quick brown"]), [1]);
    assertEquals(await found(archive, ["BROWN", "quick"]), [2, 1]);
    assertEquals(await found(archive, ["下午三点"]), [3]);
    assertEquals(await found(archive, ["开会"]), [3]);
    assertEquals(await found(archive, ["éco"]), [4]);
    assertEquals(await found(archive, ["ÉT"]), [4]);
    assertEquals(await found(archive, ["οδοσ"]), [5]);
    assertEquals(await found(archive, ["nothing"]), []);
    assertEquals(await found(archive, []), [5, 4, 3, 2, 1]);
  });

  test("marks the places of the words in the text", async ({ archive }) => {
    await archive.append([message(1, { text: "aa bbb AAb 测试" })]);
    const query = { words: ["aa", "bbb", "测试"], from: [], rooms: ["#lobby"] };
    const { hits } = await archive.search(query, { limit: 1 });
    assertEquals(hits[0]?.marks, [[0, 2], [3, 6], [7, 9], [11, 13]]);
  });

  test("treats no character of a search as special", async ({ archive }) => {
    const odd = [
      '"',
      "*",
      "a* OR b",
      "NEAR(a b)",
      "text:abc",
      "100%_\\",
      "^abc",
      "-abc",
      "(",
    ];
    await archive.append(odd.map((text, i) => message(i + 1, { text })));
    for (const [i, text] of odd.entries()) {
      assertEquals((await found(archive, [text])).includes(i + 1), true, text);
    }
    assertEquals(await found(archive, ["%%%"]), []);
    assertEquals(await found(archive, ["\0", "a\0b\0c"]), []);
    assertEquals(await found(archive, ["_"]), [6]);
    await found(archive, Array<string>(1000).fill("x".repeat(10_000)));
  });

  test("restricts a search to rooms, authors and times", async ({ archive }) => {
    await archive.append([
      message(1, { text: "plan" }),
      message(2, { text: "plan", room: "#team", user: 2, name: "Bob" }),
      message(3, { text: "plan", room: "@1:2" }),
      message(4, { text: "plan", name: "ANN" }),
    ]);
    const at = (seq: number) => START + seq * 1000;
    assertEquals(await found(archive, ["plan"]), [4, 2, 1]);
    assertEquals(await found(archive, ["plan"], { rooms: ["@1:2"] }), [3]);
    assertEquals(await found(archive, ["plan"], { rooms: [] }), []);
    assertEquals(await found(archive, ["plan"], { from: ["ann"] }), [4, 1]);
    assertEquals(await found(archive, [], { from: ["bob"] }), [2]);
    assertEquals(await found(archive, ["plan"], { from: ["eve"] }), []);
    assertEquals(await found(archive, ["plan"], { after: at(2), before: at(4) }), [2]);
  });

  test("finds the current texts of messages, also before the index has them", async ({ archive }) => {
    await archive.append(messages(1, 3, { text: "first draft" }));
    assertEquals(await found(archive, ["draft"]), [3, 2, 1]);
    await archive.append([
      { kind: "edit", ...change(4, 1), text: "final words" },
      { kind: "delete", ...change(5, 2) },
      message(6, { text: "another draft" }),
      { kind: "edit", ...change(7, 6), text: "final answer" },
    ]);
    assertEquals(await found(archive, ["draft"]), [3]);
    assertEquals(await found(archive, ["final"]), [6, 1]);
  });

  test("returns the hits of a search in pages", async ({ archive }) => {
    await archive.append(messages(1, 10, { text: "same" }));
    const query = { words: ["same"], from: [], rooms: ["#lobby"] };
    let before: number | undefined;
    const pages: number[][] = [];
    do {
      const range = before === undefined ? { limit: 4 } : { limit: 4, before };
      const { hits, next } = await archive.search(query, range);
      pages.push(hits.map(({ message: { seq } }) => seq));
      before = next;
    } while (before !== undefined);
    assertEquals(pages, [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]);
  });

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

  test("imports into an empty store only", async ({ archive }) => {
    await archive.saveUsers([user()]);
    const error = await assertRejects(() => archive.import(streamed([])), ArchiveError);
    assertEquals(error.kind, "not-empty");
  });

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

/** Stores some of everything: numbers 1 to 8, two users, a file. */
async function fill(archive: Archive): Promise<void> {
  await archive.saveUsers([
    user({ tokenHash: "aa" }),
    user({ name: "Bob", tokenHash: "bb", session: "gone" }),
  ]);
  await archive.saveFile(file("f1"));
  await archive.append([
    message(1, { text: "hello", line: "a:1", action: true }),
    message(2, { text: "two\nlines", files: ["f1"], reply: 1 }),
    message(3, { room: "@1:2", roomName: "", text: "psst" }),
    message(4, { text: "to be deleted" }),
    { kind: "edit", ...change(5, 2), text: "two\nnew lines" },
    { kind: "delete", ...change(6, 4) },
    { kind: "reaction", ...change(7, 2), line: "a:7", emoji: "👍", on: true },
    { kind: "reaction", ...change(8, 2), user: 2, name: "Bob", emoji: "👍", on: true },
  ]);
}
