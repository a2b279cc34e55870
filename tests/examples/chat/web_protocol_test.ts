import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeEvent, readCommand } from "../../../examples/chat/web_protocol.ts";

Deno.test("readCommand() reads every message of a page", () => {
  const table: [object, object][] = [
    [{ type: "join", name: "A" }, { type: "join", name: "A" }],
    [
      {
        type: "join",
        name: "A",
        room: "a",
        rooms: ["b", 1, "c"],
        lang: "zh",
        since: { epoch: "e", seq: 4, rooms: ["a"] },
        token: "t",
      },
      {
        type: "join",
        name: "A",
        room: "a",
        rooms: ["b", "c"],
        lang: "zh",
        since: { epoch: "e", seq: 4, rooms: ["a"] },
        token: "t",
      },
    ],
    [{ type: "join", name: "A", since: { epoch: "e" }, lang: "fr" }, { type: "join", name: "A" }],
    [{ type: "say", text: "x" }, { type: "say", text: "x", options: {}, trace: {} }],
    [
      { type: "say", text: "x", traceparent: "00-1", waited: 5 },
      { type: "say", text: "x", options: {}, trace: { parent: "00-1", waited: 5 } },
    ],
    [{ type: "shown", traces: ["a", 1] }, { type: "shown", traces: ["a"] }],
    [{ type: "shown" }, { type: "shown", traces: [] }],
    [
      { type: "say", text: "x", id: 1, room: "a", peer: "3", reply: 2, files: ["f"] },
      {
        type: "say",
        text: "x",
        options: { id: 1, room: "a", peer: "3", reply: 2, files: ["f"] },
        trace: {},
      },
    ],
    [
      { type: "edit", target: 1, text: "x", id: 2 },
      { type: "edit", target: 1, text: "x", id: 2 },
    ],
    [{ type: "delete", target: 1 }, { type: "delete", target: 1 }],
    [
      { type: "react", target: 1, emoji: "👍", on: true, id: 3 },
      { type: "react", target: 1, emoji: "👍", on: true, id: 3 },
    ],
    [
      { type: "history", id: 1, peer: "2", before: 3, limit: 4 },
      { type: "history", query: { id: 1, peer: "2", before: 3, limit: 4 } },
    ],
    [
      { type: "search", id: 1, query: "x", before: 2 },
      { type: "search", request: { id: 1, query: "x", before: 2 } },
    ],
    [{ type: "leave", room: "a" }, { type: "leave", room: "a" }],
    [{ type: "ping", id: 1 }, { type: "ping", id: 1 }],
    [{ type: "rooms" }, { type: "rooms" }],
    [{ type: "lang", lang: "en" }, { type: "lang", lang: "en" }],
  ];
  for (const [sent, read] of table) assertEquals<unknown>(readCommand(JSON.stringify(sent)), read);
});

Deno.test("readCommand() takes nothing else", () => {
  for (
    const text of [
      "",
      "[]",
      "null",
      "{",
      '"say"',
      "{}",
      '{"type":"toString"}',
      '{"__proto__":{"type":"rooms"}}',
      '{"type":"join"}',
      '{"type":"say","text":1}',
      '{"type":"edit","target":1}',
      '{"type":"edit","text":"x"}',
      '{"type":"delete","target":"1"}',
      '{"type":"delete","target":1.5}',
      '{"type":"react","target":1,"emoji":"👍"}',
      '{"type":"search"}',
      '{"type":"leave"}',
      '{"type":"lang","lang":"xx"}',
    ]
  ) {
    assertEquals(readCommand(text), undefined, text);
  }
});

Deno.test("readCommand() takes so many rooms and files", () => {
  const rooms = Array.from({ length: 1000 }, (_, i) => `r${i}`);
  const join = readCommand(JSON.stringify({ type: "join", name: "A", rooms }));
  assertEquals(join?.type === "join" && join.rooms?.length, 50);
  const say = readCommand(JSON.stringify({ type: "say", text: "x", files: rooms }));
  assertEquals(say?.type === "say" && say.options.files?.length, 10);
});

Deno.test("encodeEvent() adds sentences in the language of the page, and whose event it is", () => {
  const notice = {
    type: "notice",
    at: 1,
    room: "tea",
    code: "joined",
    params: { name: "Ann" },
  } as const;
  assertEquals(JSON.parse(encodeEvent(notice, "en")), {
    ...notice,
    own: false,
    text: "Ann joined",
  });
  assertEquals(JSON.parse(encodeEvent(notice, "zh", true)).text, "Ann 加入了");
  const error = { type: "error", code: "not-in-room", params: { room: "tea" }, id: 3 } as const;
  assertEquals(JSON.parse(encodeEvent(error, "en", true)), {
    ...error,
    text: "You are not in #tea. Nothing was sent.",
  });
});

Deno.test("encodeEvent() lists the commands of the page in its help", () => {
  const help = { type: "reply", code: "help", params: {} } as const;
  for (const lang of ["en", "zh"] as const) {
    const { text } = JSON.parse(encodeEvent(help, lang, true));
    for (const command of ["/who", "/search", "/leave"]) assertStringIncludes(text, command);
  }
});
