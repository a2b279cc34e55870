import { assertEquals } from "@std/assert";
import type { Observation } from "./observations.ts";
import { PageView, textWith } from "./page_view.ts";

function welcome(more: object = {}) {
  return {
    type: "welcome",
    room: "lobby",
    epoch: "e",
    user: 7,
    token: "t",
    events: [],
    complete: false,
    more: false,
    seq: 10,
    ...more,
  };
}

function line(key: string, seq: number, more: object = {}) {
  return { type: "message", room: "lobby", seq, text: textWith(key, "x"), ...more };
}

function secret(key: string, seq: number, more: object = {}) {
  return { ...line(key, seq), type: "private", from: "Bob", to: "Ann", ...more };
}

/** Returns what a page notes after its beginning, in short. */
function notes(view: PageView): string[] {
  const short = (one: Observation) => {
    if (one.type === "shown") return `${one.place} ${one.key} ${one.seq}`;
    if (one.type === "reset") return `reset ${one.place} ${one.from}`;
    if (one.type === "entered" || one.type === "left") return `${one.type} ${one.place}`;
    if (one.type === "confirmed") return `confirmed ${one.key} ${one.seq}`;
    return one.type === "read" ? "read" : `${one.type} ${one.key}`;
  };
  return view.observations.map(short);
}

Deno.test("a page shows the history and what follows", () => {
  const view = new PageView("Ann", ["lobby"], ["Bob"]);
  assertEquals(view.join(), { type: "join", name: "Ann", room: "lobby", rooms: [], lang: "en" });
  view.receive(welcome({ events: [line("b1", 9)] }));
  view.receive(line("b2", 11));
  view.receive(secret("p1", 12));
  assertEquals(notes(view), [
    "entered #lobby",
    "reset @Ann+Bob 0",
    "reset #lobby 0",
    "#lobby b1 9",
    "#lobby b2 11",
    "@Ann+Bob p1 12",
  ]);
});

Deno.test("a page begins with the first line of a welcome that lacks older ones", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome({ more: true, events: [line("b1", 9)] }));
  assertEquals(notes(view).slice(1), ["reset #lobby 9", "#lobby b1 9"]);
});

Deno.test("a page names the lowest of its numbers, and ignores only what it gets again", () => {
  const view = new PageView("Ann", ["lobby", "tea"]);
  view.receive(welcome());
  view.receive(welcome({ room: "tea", seq: 12 }));
  const { since } = view.join() as unknown as { since: object };
  assertEquals(since, { epoch: "e", seq: 10, rooms: ["lobby", "tea"] });
  view.receive(welcome({ complete: true, seq: 14, events: [line("b1", 11)] }));
  const events = [line("t1", 12, { room: "tea" }), line("t2", 13, { room: "tea" })];
  view.receive(welcome({ room: "tea", complete: true, seq: 14, events }));
  view.receive(line("b2", 13));
  assertEquals(notes(view).slice(4), ["#lobby b1 11", "#tea t2 13", "#lobby b2 13"]);
});

Deno.test("a live line says that everything before it has arrived", () => {
  const view = new PageView("Ann", ["lobby", "tea"]);
  view.receive(welcome());
  view.receive(welcome({ room: "tea" }));
  view.receive(line("b1", 20));
  assertEquals((view.join() as unknown as { since: { seq: number } }).since.seq, 20);
});

Deno.test("a page gets private lines again from the number that it named", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome());
  view.receive(secret("p1", 12));
  assertEquals((view.join() as unknown as { since: { seq: number } }).since.seq, 10);
  view.receive(welcome({ complete: true, seq: 13 }));
  for (const [key, seq] of [["p1", 12], ["p2", 13]] as const) view.receive(secret(key, seq));
  view.receive(secret("p2", 13));
  assertEquals(notes(view).slice(2), ["@Ann+Bob p1 12", "@Ann+Bob p2 13", "@Ann+Bob p2 13"]);
});

Deno.test("a page sends lines again until they are confirmed or refused", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome());
  const first = view.say("a1", "hi", "lobby");
  const second = view.tell("a2", "psst", { name: "Bob", user: 3 });
  const third = view.whisper("a3", "psst", "Bob");
  assertEquals(first, { type: "say", id: 1, text: "«a1» hi", room: "lobby" });
  assertEquals(second, { type: "say", id: 2, text: "«a2» psst", peer: "3" });
  assertEquals(third, { type: "say", id: 3, text: "/msg Bob «a3» psst", room: "lobby" });
  assertEquals(view.unconfirmed(), [first, second, third]);
  view.receive({ type: "reply", code: "away", id: 2 });
  view.receive({ type: "error", code: "not-stored", id: 3 });
  view.receive(line("a1", 11, { own: true, id: 1 }));
  assertEquals(view.unconfirmed(), [second]);
  view.join();
  view.receive(welcome({ complete: true, seq: 12 }));
  view.receive(secret("a2", 12, { from: "Ann", to: "Bob", own: true, id: 2 }));
  assertEquals(view.pending, 0);
  assertEquals(notes(view).slice(5), [
    "refused a3",
    "confirmed a1 11",
    "#lobby a1 11",
    "confirmed a2 12",
    "@Ann+Bob a2 12",
  ]);
});

Deno.test("a confirmation of a line that the welcome had is not shown again", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome());
  view.say("a1", "hi", "lobby");
  view.join();
  view.receive(welcome({ complete: true, seq: 11, events: [line("a1", 11)] }));
  view.receive(line("a1", 11, { own: true, id: 1 }));
  assertEquals(notes(view).slice(2), ["sent a1", "#lobby a1 11", "confirmed a1 11"]);
});

Deno.test("a page that lost its place, or the epoch, begins anew", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome());
  view.receive(welcome({ complete: false, more: true, seq: 30, events: [line("b1", 25)] }));
  view.receive(welcome({ complete: true, epoch: "other", seq: 3, events: [line("b2", 2)] }));
  assertEquals(notes(view).slice(2), [
    "reset #lobby 25",
    "#lobby b1 25",
    "reset #lobby 0",
    "#lobby b2 2",
  ]);
});

Deno.test("a page is in a room until the server says that it has left", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome());
  assertEquals(view.enter("tea"), { type: "say", text: "/join #tea" });
  view.receive(welcome({ room: "tea" }));
  assertEquals(view.leave("tea"), { type: "leave", room: "tea" });
  assertEquals([view.rooms, view.staying], [["lobby", "tea"], ["lobby"]]);
  view.receive(line("t1", 11, { room: "tea" }));
  view.receive({ type: "notice", code: "left", room: "tea", user: 8 });
  assertEquals(view.rooms, ["lobby", "tea"]);
  view.receive({ type: "notice", code: "left", room: "tea", user: 7 });
  assertEquals(view.rooms, ["lobby"]);
  view.enter("tea");
  view.receive(welcome({ room: "tea", seq: 12 }));
  assertEquals(notes(view).slice(2), [
    "entered #tea",
    "reset #tea 0",
    "#tea t1 11",
    "left #tea",
    "entered #tea",
    "reset #tea 0",
  ]);
});

Deno.test("a line without a key is shown as it is", () => {
  const view = new PageView("Ann", ["lobby"]);
  view.receive(welcome());
  view.receive({ ...line("b1", 11), text: "strange" });
  view.read("#lobby", [line("b1", 11), { type: "notice" }]);
  assertEquals(notes(view).slice(2), ["#lobby strange 11", "read"]);
});

Deno.test("a page that began with an empty store sees the private lines that a crash has left unconfirmed", () => {
  const view = new PageView("Ann", ["lobby", "tea"], ["Bob"]);
  view.receive(welcome({ seq: 0 }));
  view.tell("a1", "x", { name: "Bob", user: 8 });
  // The chat was killed between commit and confirmation, and before the welcome to the second room.
  view.join();
  view.receive(welcome({ complete: true, seq: 5 }));
  view.receive(welcome({ room: "tea", seq: 5 }));
  view.receive(secret("a1", 3, { from: "Ann", to: "Bob", own: true, id: 1 }));
  assertEquals(notes(view).slice(-2), ["confirmed a1 3", "@Ann+Bob a1 3"]);
});

Deno.test("a page begins its private conversations anew if the server says that it misses too much", () => {
  const view = new PageView("Ann", ["lobby"], ["Bob"]);
  view.join();
  view.receive(welcome());
  view.join();
  view.receive(welcome({ complete: true, seq: 50, gap: true }));
  assertEquals(notes(view).at(-1), "reset @Ann+Bob 51");
});
