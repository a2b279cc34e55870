import { assertEquals } from "@std/assert";
import { editLine } from "../../../../examples/chat/telnet/line_editor.ts";

Deno.test("editLine() applies the keys of a user without line editing", () => {
  const table: [string, string][] = [
    ["hello", "hello"],
    ["hunter2" + "\b".repeat(7) + "hello", "hello"],
    ["helo\x7flo", "hello"],
    ["\b\b\x7fhi", "hi"],
    ["secret\x15hi", "hi"],
    ["secret\x03hi", "hi"],
    ["one two  \x17three", "one three"],
    ["one\x17\x17two", "two"],
    ["你好吗\b\x7f", "你"],
    ["👩‍👩‍👧‍👦e\u0301\b", "👩‍👩‍👧‍👦"],
    ["👩‍👩‍👧‍👦\x7fok", "ok"],
    ["\x15", ""],
  ];
  for (const [typed, meant] of table) assertEquals(editLine(typed), meant, JSON.stringify(typed));
});

Deno.test("editLine() leaves other control characters to later stages", () => {
  assertEquals(editLine("\x1b[2Jhi\tx\x07\b"), "\x1b[2Jhi\tx");
});
