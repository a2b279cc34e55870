/**
 * The tests of the search that every archive passes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type ArchiveTest, found } from "./archives.ts";
import { change, message, messages, START } from "./entries.ts";

/** Registers the tests. */
export function testSearch(test: ArchiveTest): void {
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
}
