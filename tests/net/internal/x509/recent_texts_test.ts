import { assertEquals } from "@std/assert";
import { RecentTexts } from "../../../../net/internal/x509/recent_texts.ts";

Deno.test("a text is read once, whatever the result is", () => {
  const read: string[] = [];
  const texts = new RecentTexts((text) => read.push(text) === 1);
  assertEquals(["a", "b", "a", "b"].map((text) => texts.get(text)), [true, false, true, false]);
  assertEquals(read, ["a", "b"]);
});

Deno.test("many short texts are remembered, and the oldest of too long ones are forgotten", () => {
  const read: string[] = [];
  const texts = new RecentTexts((text) => ({ count: read.push(text[0]!) }));
  const get = (...names: string[]) => names.forEach((name) => texts.get(name.repeat(1_500_000)));
  const short = Array.from({ length: 1000 }, (_, i) => `${i}`);
  for (const text of [...short, ...short]) texts.get(text);
  assertEquals(read.length, 1000);
  read.length = 0;
  get("a", "b", "a", "c", "b", "c", "a");
  assertEquals(read.join(""), "abca");
  texts.get("d".repeat(4_000_001));
  get("a");
  assertEquals(read.join(""), "abcada");
});
