import { assert, assertEquals } from "@std/assert";
import { preferredLang, sentence } from "../../../examples/chat/words.ts";

Deno.test("sentence() says the notices in English and Chinese", () => {
  assertEquals(sentence("en", "joined", { name: "Bob" }), "Bob joined");
  assertEquals(sentence("en", "left", { name: "Bob" }), "Bob left");
  assertEquals(sentence("zh", "joined", { name: "小明" }), "小明 加入了");
  assertEquals(sentence("zh", "left", { name: "小明" }), "小明 离开了");
  assertEquals(sentence("zh", "usage-msg"), "用法：/msg 名字 内容");
});

Deno.test("sentence() replaces placeholders once, and none in the values", () => {
  assertEquals(sentence("en", "renamed", { from: "{to}", to: "$1{from}" }), "{to} is now $1{from}");
  assertEquals(sentence("en", "too-long", {}), "That line was not sent: it is longer than  bytes.");
});

Deno.test("sentence() explains every command in both languages", () => {
  for (const command of ["/who", "/nick", "/me", "/msg", "/rooms", "/join", "/quit", "//"]) {
    for (const lang of ["en", "zh"] as const) {
      assert(sentence(lang, "help").split("\n").some((line) => line.startsWith(command)), command);
    }
  }
});

Deno.test("preferredLang() takes the language of the chat with the greatest weight", () => {
  const rows: [accepted: string | null, lang: "en" | "zh" | undefined][] = [
    [null, undefined],
    ["", undefined],
    ["zh-CN,zh;q=0.9,en;q=0.8", "zh"],
    ["en-US,en;q=0.9,zh;q=0.8", "en"],
    ["en;q=0.5, ZH-Hant-TW;q=0.9", "zh"],
    ["fr, zh;q=0.1", "zh"],
    ["fr, de", undefined],
    ["zhx, english", undefined],
    ["zh;q=0, en;q=0.1", "en"],
    ["zh;q=0", undefined],
    // It takes any language, so that of the server.
    ["*", undefined],
    ["*, en;q=0.5", "en"],
    ["\u00a0zh, en", "en"],
  ];
  for (const [accepted, lang] of rows) assertEquals(preferredLang(accepted), lang, `${accepted}`);
});
