import { assertEquals } from "@std/assert";
import type { Appended, Archive } from "../../../examples/chat/archive/archive.ts";
import { openArchive, type SqliteArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { type Draft, Ledger } from "../../../examples/chat/ledger.ts";
import { message, user } from "./archive/entries.ts";

/** Makes a ledger whose results are kept as texts. A store that is "full" refuses every transaction. */
async function start() {
  const archive = openArchive(":memory:");
  await archive.saveUsers([user()]);
  const state = { full: false };
  const limited: Pick<Archive, "append" | "line" | "lastSeq"> = {
    lastSeq: archive.lastSeq,
    append: (batch) => state.full ? Promise.reject(new Error("full")) : archive.append(batch),
    line: (author, line) => archive.line(author, line),
  };
  const told: string[] = [];
  const settle = ({ author, entry }: Draft<string>, result: Appended | undefined) => {
    const event = result !== undefined && "event" in result ? result.event : undefined;
    told.push(`${author} ${result?.outcome ?? "not stored"} ${event?.seq ?? entry.seq}`);
  };
  const ledger = new Ledger<string>(limited as SqliteArchive, {
    settle,
    onStep: () => {},
    onFault: (reason) => told.push(reason),
  });
  const say = (author: string, line?: string) => {
    const entry = { ...message(0, line === undefined ? {} : { line }) };
    ledger.stage({ entry, size: 1, author });
  };
  const read = async () => {
    await ledger.settled();
    return told.splice(0);
  };
  return { archive, ledger, state, say, read };
}

Deno.test("a repeated line takes no number, so that no number is known before it is stored", async () => {
  const { archive, ledger, say, read } = await start();
  await using _ = archive;
  say("a", "1");
  say("b", "2");
  assertEquals(await read(), ["a stored 1", "b stored 2"]);
  say("c", "3");
  say("a again", "1");
  say("b again", "2");
  assertEquals(await read(), ["c stored 3", "a again repeated 1", "b again repeated 2"]);
  assertEquals(ledger.seq, 3);
  say("d");
  assertEquals(await read(), ["d stored 4"]);
  assertEquals((await archive.history("#lobby", { limit: 9 })).messages.length, 4);
});

Deno.test("a stored line that is sent again is confirmed although the store is full", async () => {
  const { archive, ledger, state, say, read } = await start();
  await using _ = archive;
  say("a", "1");
  assertEquals(await read(), ["a stored 1"]);
  state.full = true;
  say("b", "2");
  say("a again", "1");
  say("c");
  assertEquals(await read(), ["full", "b not stored 2", "a again repeated 1", "c not stored 4"]);
  assertEquals([ledger.seq, ledger.fault], [1, "full"]);
  state.full = false;
  say("b again", "2");
  assertEquals(await read(), ["b again stored 2"]);
  assertEquals(ledger.fault, undefined);
});
