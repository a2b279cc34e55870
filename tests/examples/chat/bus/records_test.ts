import { assertEquals } from "@std/assert";
import {
  decodeEntry,
  decodeOwner,
  decodeUser,
  encodeEntry,
  encodeUser,
  logRecord,
} from "../../../../examples/chat/bus/records.ts";
import { change, message, user } from "../archive/entries.ts";

Deno.test("a line keeps everything but its number, which is the id in the stream", () => {
  for (
    const entry of [
      message(7, { line: "3", reply: 2, files: ["f"], action: true, text: "你好\n👍" }),
      { kind: "reaction", ...change(8, 7), emoji: "👍", on: true } as const,
    ]
  ) {
    const pairs = ["d", encodeEntry({ ...entry, seq: 0 })];
    assertEquals(decodeEntry([`${entry.seq}-0`, pairs]), entry);
  }
});

Deno.test("a user keeps everything, with the state that Redis has beside the record", () => {
  const ann = user({ id: 4, tokenHash: "aa" });
  assertEquals(decodeUser(4, "away", encodeUser(ann)), { ...ann, id: 4, session: "away" });
});

Deno.test("a record of the log has its position, its mark and the one before", () => {
  const record = logRecord(["12-0", [
    "p",
    "aa",
    "m",
    "ab",
    "t",
    "e",
    "r",
    "#tea",
    "q",
    "7",
    "n",
    "node",
  ]]);
  assertEquals(
    [record.pos, record.previous, record.mark, record.type, record.room, record.seq, record.node],
    [12, "aa", "ab", "e", "#tea", 7, "node"],
  );
  assertEquals(record.isAdopted, false);
});

Deno.test("an owner is a node, a claim and a state", () => {
  assertEquals(decodeOwner("abc/12/away/b"), { node: "abc", fence: "12", state: "away" });
});
