import { assertEquals } from "@std/assert";
import type { RoomEvent } from "../../../examples/chat/lobby.ts";
import { type Hearer, WebBroadcast } from "../../../examples/chat/web_broadcast.ts";

/** A browser that keeps what it is sent. */
function browser(user: number): Hearer & { take(): string[] } {
  const sent: string[] = [];
  return {
    user,
    open: true,
    closed: new Promise(() => {}),
    close: () => Promise.reject(new Error("not to be closed")),
    trySend: (text) => sent.push(text as string) > 0,
    take: () => sent.splice(0),
  };
}

/** A broadcast that counts how often it encodes. */
function setUp() {
  const encoded: string[] = [];
  const broadcast = new WebBroadcast((event, lang) => {
    const what = event.type === "message" ? event.text : event.type;
    encoded.push(`${lang} ${what}`);
    return `${lang} ${what}`;
  });
  return { broadcast, encoded };
}

function message(text: string, room = "lobby", user = 9): RoomEvent {
  return { type: "message", seq: 1, at: 0, room, from: "Ann", user, text, action: false };
}

Deno.test("WebBroadcast encodes a message once, whatever the languages, and a notice once for each", () => {
  const { broadcast, encoded } = setUp();
  const [en, zh] = [browser(1), browser(2)];
  broadcast.enter(en, "lobby", "en");
  broadcast.enter(zh, "lobby", "zh");
  const said = [message("hi")];
  broadcast.tell(said);
  broadcast.tell(said);
  broadcast.tell([{ type: "notice", at: 0, room: "lobby", code: "joined", params: {} }]);
  assertEquals(encoded, ["en hi", "en notice", "zh notice"]);
  assertEquals([en.take(), zh.take()], [["en hi", "en notice"], ["en hi", "zh notice"]]);
});

Deno.test("WebBroadcast sends to the rooms of each browser, and not to the author", () => {
  const { broadcast } = setUp();
  const [ann, bob, cem] = [browser(1), browser(2), browser(3)];
  for (const one of [ann, bob]) broadcast.enter(one, "lobby", "en");
  for (const one of [bob, cem]) broadcast.enter(one, "tea", "en");
  broadcast.tell([message("lobby", "lobby", 1)]);
  broadcast.tell([message("tea", "tea", 1)]);
  assertEquals([ann, bob, cem].map((one) => one.take()), [[], ["en lobby", "en tea"], ["en tea"]]);
  broadcast.leave(bob, "lobby");
  broadcast.tell([message("lobby")]);
  broadcast.tell([message("tea", "tea")]);
  assertEquals([ann, bob, cem].map((one) => one.take()), [["en lobby"], ["en tea"], ["en tea"]]);
  broadcast.leave(bob);
  broadcast.tellAll("all");
  assertEquals([ann, bob, cem].map((one) => one.take()), [["all"], [], ["all"]]);
});

Deno.test("WebBroadcast moves a browser to another language in all of its rooms", () => {
  const { broadcast } = setUp();
  const ann = browser(1);
  broadcast.enter(ann, "lobby", "en");
  broadcast.enter(ann, "tea", "en");
  broadcast.setLang(ann, "zh");
  for (const room of ["lobby", "tea"]) {
    broadcast.tell([{ type: "notice", at: 0, room, code: "joined", params: {} }]);
  }
  assertEquals(ann.take(), ["zh notice", "zh notice"]);
});

Deno.test("WebBroadcast takes the later one of two browsers of a user for the author", () => {
  const { broadcast } = setUp();
  const [old, fresh] = [browser(1), browser(1)];
  broadcast.enter(old, "lobby", "en");
  broadcast.enter(fresh, "lobby", "en");
  broadcast.leave(old);
  broadcast.tell([message("mine", "lobby", 1)]);
  assertEquals(fresh.take(), []);
});
