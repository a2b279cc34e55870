import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ChatEvent, ChatMessage } from "../../../examples/chat/events.ts";
import { newestThatFit, terminalText } from "../../../examples/chat/terminal_text.ts";

const STYLE = { lang: "en", replay: 5 } as const;
const AT = Date.UTC(2026, 10, 30, 9, 5);

function message(text: string, more: Partial<ChatMessage> = {}): ChatMessage {
  const base = { seq: 1, at: AT, room: "lobby", from: "Ann", user: 1, action: false } as const;
  return { type: "message", ...base, text, ...more };
}

const lines = (event: ChatEvent) => terminalText(event, STYLE).split("\n").slice(0, -1);

Deno.test("terminalText() begins each line of a message with the name", () => {
  assertEquals(lines(message("one\n\nBob: two")), ["Ann: one", "Ann: ", "Ann: Bob: two"]);
  assertEquals(lines(message("waves", { action: true })), ["Ann: *waves*"]);
  const secret = { ...message("one\ntwo"), type: "private", to: "Bob", peer: "2" } as const;
  assertEquals(lines(secret), ["[private] Ann -> Bob: one", "[private] Ann -> Bob: two"]);
});

Deno.test("terminalText() never shows a line of a message without its author", () => {
  const text = fc.string({ unit: "binary" }).map((text) => text.replace(/[^\P{Cc}\n]/gu, ""));
  fc.assert(
    fc.property(text, text, (text, quoted) => {
      const reply = { seq: 1, from: "Bob", text: quoted };
      for (const line of lines(message(text, { reply, edited: 2 }))) {
        assert(line.startsWith("Ann: "), JSON.stringify(line));
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("terminalText() shows quotes, files, edits, deletions and reactions", () => {
  const reply = { seq: 1, from: "Bob", text: `${"long ".repeat(20)}\nmore` };
  const quote = `Ann: > Bob: ${"long ".repeat(12)}…`;
  assertEquals(lines(message("yes", { reply })), [quote, "Ann: yes"]);
  assertEquals(lines(message("yes", { reply: { ...reply, text: "" } })), [
    "Ann: > Bob: (deleted)",
    "Ann: yes",
  ]);
  const file = (name: string, size: number) => ({ id: "x7", name, type: "image/png", size });
  const files = [file("a.png", 900), file("b\x1b[2Jc.png", 1025), file("c", 3_500_000)];
  assertEquals(lines(message("", { files })), [
    "Ann: [file] a.png (900 B) /files/x7",
    "Ann: [file] bc.png (2 KiB) /files/x7",
    "Ann: [file] c (3.3 MiB) /files/x7",
  ]);
  assertEquals(lines(message("hi", { edited: 2 })), ["Ann: hi (edited)"]);
  assertEquals(lines(message("", { deleted: true })), ["Ann: (deleted)"]);
  assertEquals(lines(message("hi", { reactions: { "👍": ["Bob", "Cem"], "🎉": ["Bob"] } })), [
    "Ann: hi",
    "Ann: [👍 Bob, Cem; 🎉 Bob]",
  ]);
});

Deno.test("terminalText() shows changes of messages as they happen", () => {
  const change = { seq: 3, at: AT, room: "lobby", target: 1, from: "Ann", user: 1 };
  const reaction = { ...change, type: "reaction", emoji: "👍" } as const;
  assertEquals(lines({ ...change, type: "edit", text: "a\nb" }), ["Ann: a", "Ann: b (edited)"]);
  assertEquals(lines({ ...change, type: "delete" }), ["Ann deleted a message"]);
  assertEquals(lines({ ...reaction, on: true }), ["Ann reacted with 👍"]);
  assertEquals(lines({ ...reaction, on: false }), ["Ann took 👍 back"]);
  assertEquals(
    terminalText({ ...reaction, on: true }, STYLE, "Bob"),
    "Ann reacted with 👍 (to Bob)\n",
  );
  const { room: _, ...apart } = change;
  assertEquals(lines({ ...apart, peer: "2", type: "delete" }), [
    "[private] Ann deleted a message",
  ]);
  assertEquals(lines({ ...apart, peer: "2", type: "edit", text: "x" }), [
    "[private] Ann: x (edited)",
  ]);
});

Deno.test("terminalText() shows results of a search, the newest one last", () => {
  const hit = { seq: 1, at: AT, from: "Ann", text: "green tea\nand more", marks: [] };
  const hits = [{ ...hit, room: "tea" }, { ...hit, peer: "2", with: "Bob" }];
  assertEquals(lines({ type: "results", hits, more: false }), [
    "* 2026-11-30 09:05 UTC [private Bob] Ann: green tea…",
    "* 2026-11-30 09:05 UTC #tea Ann: green tea…",
  ]);
  assertEquals(lines({ type: "results", hits: [], more: false }), ["* Nothing found."]);
  assertEquals(lines({ type: "results", hits, more: true }).length, 3);
});

Deno.test("terminalText() shows a part of a history, and whether there is more", () => {
  const events = [message("one"), message("two", { seq: 2 })];
  const history = { type: "history", room: "lobby", events, more: false, newer: true } as const;
  assertEquals(lines(history), [
    "* Earlier in #lobby:",
    "Ann: one",
    "Ann: two",
    "* There are no older messages.",
  ]);
  assertEquals(lines({ ...history, events: [], more: true }), ["* /history shows older messages."]);
});

Deno.test("newestThatFit() keeps a history below the smallest send queue", () => {
  const events = Array.from({ length: 50 }, (_, seq) => message("x".repeat(900), { seq }));
  const { lines, oldest, more } = newestThatFit(events, "en");
  assert(lines.length <= 10_000 && lines.length > 8_000, `${lines.length}`);
  assertEquals([oldest, more], [39, true]);
  assertEquals(newestThatFit(events, "en", 2).oldest, 48);
  assertEquals(newestThatFit([], "en"), { lines: "", oldest: undefined, more: false });
  // One message that is too long for itself is cut, and does not hide the older ones for ever.
  const long = newestThatFit([message("a"), message("x".repeat(60_000), { seq: 9 })], "en");
  assertEquals([long.oldest, long.more], [9, true]);
  assert(long.lines.length < 10_010 && long.lines.endsWith("x…\n"));
});

Deno.test("terminalText() lists the commands of terminals in its help", () => {
  const help = lines({ type: "reply", code: "help", params: {} });
  for (const command of ["/who", "/search", "/edit", "/delete", "/react", "/history"]) {
    assert(help.some((line) => line.startsWith(`* ${command}`)), command);
  }
});
