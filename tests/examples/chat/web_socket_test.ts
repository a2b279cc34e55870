import { assert, assertEquals, assertMatch } from "@std/assert";
import { needsPython, pythonWith } from "../../_support/peers.ts";
import {
  Browser,
  connections,
  frame,
  lobby,
  type Message,
  metricsOf,
  openRaw,
  serve,
} from "./_browser.ts";
import { faceOf, until } from "./_faces.ts";

Deno.test("two browsers talk, each event once and in one order", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  const welcome = await ann.join("Ann", { lang: "en" });
  assertEquals([welcome.name, welcome.room, welcome.members], ["Ann", "lobby", ["Ann"]]);
  await bob.join("Bob", { lang: "zh" });
  assertEquals((await ann.next("notice")).text, "Ann joined");
  const joined = await ann.next("notice");
  assertEquals([joined.code, joined.text], ["joined", "Bob joined"]);
  ann.send({ type: "say", text: "hi <b>there</b>", id: 7 });
  const own = await ann.next("message");
  assertEquals([own.own, own.id, own.text], [true, 7, "hi <b>there</b>"]);
  const heard = await bob.next("message");
  assertEquals([heard.own, heard.from, heard.text], [false, "Ann", "hi <b>there</b>"]);
  assertEquals(heard.seq, own.seq);
  ann.send({ type: "rooms" });
  const rooms = await ann.next("rooms");
  assertEquals(rooms.rooms, [{ name: "lobby", count: 2 }]);
});

Deno.test("a browser does not hang after an error of the chat itself", async () => {
  const chat = lobby();
  chat.join = () => Promise.reject(new Error("a bug"));
  await using web = serve(chat);
  await using ann = await new Browser(web.url).open();
  ann.send({ type: "join", name: "Ann" });
  assertEquals((await ann.closed).code, 1011);
});

Deno.test("a user hears once of the own join, rename and change of room", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  bob.send({ type: "say", text: "/nick Rob" });
  bob.send({ type: "say", text: "/join #tea" });
  const heard: unknown[] = [];
  for (let event; (event = await bob.next()).room !== "tea" || event.type === "welcome";) {
    if (event.type === "notice") heard.push(event.text);
    else if (event.type === "welcome") assertEquals(event.rooms, ["tea", "lobby"]);
  }
  assertEquals(heard, ["Bob joined", "Bob is now Rob"]);
  // He is in both rooms, so nobody joins when he goes back to the first one.
  bob.send({ type: "say", text: "/join #lobby" });
  assertEquals((await bob.next("welcome")).room, "lobby");
  bob.send({ type: "say", text: "/leave #tea" });
  const left = await bob.next();
  assertEquals([left.code, left.room, left.own], ["left", "tea", true]);
});

Deno.test("a name that is taken, nonsense and binary are answered, and the connection lives", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.open();
  bob.send({ type: "join", name: "ＡＮＮ" });
  assertEquals((await bob.next("error")).code, "name-taken");
  for (const nonsense of ["{", "null", "[]", '"x"', '{"type":"join"}', '{"type":"say","text":1}']) {
    bob.send(nonsense);
    assertMatch((await bob.next("error")).text!, /not a message/);
  }
  bob.send({ type: "say", text: "too early" });
  assertMatch((await bob.next("error")).text!, /[Jj]oin/);
  bob.socket.send(new Uint8Array([1, 2, 3]));
  assertMatch((await bob.next("error")).text!, /text frames/);
  assertEquals((await bob.join("Bob")).name, "Bob");
  bob.send({ type: "join", name: "Carol" });
  assertMatch((await bob.next("error")).text!, /already/);
});

Deno.test("a message that is too large ends its own connection with 1009", async () => {
  await using web = serve(lobby(), { maxMessage: 1000 });
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  bob.send({ type: "say", text: "x".repeat(2000) });
  assertEquals((await bob.closed).code, 1009);
  const notices = [await ann.next("notice"), await ann.next("notice"), await ann.next("notice")];
  assertEquals(notices.map(({ text }) => text), ["Ann joined", "Bob joined", "Bob left"]);
});

Deno.test("a browser that does not join in time is disconnected", async () => {
  await using web = serve(lobby(), { nameTimeout: 100 });
  await using silent = new Browser(web.url);
  await silent.open();
  await silent.next("error");
  assertEquals((await silent.closed).code, 1008);
});

Deno.test("a browser that answers no ping is disconnected, one that answers stays", async () => {
  const chat = lobby();
  await using web = serve(chat, { pingInterval: 1000 });
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using dead = await openRaw(web.url);
  await dead.write(frame({ type: "join", name: "Dead" }));
  await ann.next("notice");
  assertEquals((await ann.next("notice")).text, "Dead joined");
  assertEquals((await ann.next("notice")).text, "Dead left");
  assertEquals(chat.stats().users, 1);
});

Deno.test("a flood is slowed down by not reading on, and nothing is lost", async () => {
  const chat = lobby();
  await using web = serve(chat, { rate: 500, burst: 5 });
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  const started = performance.now();
  // Far more than may wait for its turn.
  for (let i = 0; i < 600; i++) bob.send({ type: "say", text: `line ${i}` });
  for (let i = 0; i < 600; i++) assertEquals((await ann.next("message")).text, `line ${i}`);
  assert(performance.now() - started >= 1100, "not slowed down");
  assertEquals(chat.stats().users, 2);
});

Deno.test("a browser that does not read is disconnected and delays nobody", async () => {
  const chat = lobby();
  await using web = serve(chat, { sendQueue: 64 * 1024 });
  // A raw peer that opens a WebSocket, joins, and never reads again.
  await using slow = await openRaw(web.url);
  await slow.write(frame({ type: "join", name: "Slow" }));
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  const line = "x".repeat(4000);
  let sent = 0;
  while (chat.stats().left.slow === 0) {
    assert(sent < 20_000, "never let go");
    for (let i = 0; i < 10; i++, sent++) ann.send({ type: "say", text: line });
    for (let i = 0; i < 10; i++) await bob.next("message");
  }
  ann.send({ type: "say", text: "over" });
  let message = await bob.next("message");
  while (message.text !== "over") message = await bob.next("message");
});

Deno.test("a returning browser gets the missed events, and the room gets no notice", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using bob = new Browser(web.url);
  const welcome = await bob.join("Bob");
  await ann.next("notice");
  await ann.next("notice");
  ann.send({ type: "say", text: "one" });
  const one = await bob.next("message");
  await using again = new Browser(web.url);
  const since = { epoch: welcome.epoch, seq: (one.seq as number) - 1 };
  const back = await again.join("Bob", { since, token: welcome.token });
  assertEquals([back.resumed, back.complete], [true, true]);
  assertEquals((back.events as Message[]).map((event) => event.text), ["one"]);
  // A name says nothing about who it was: the page knows its own lines by their numbers.
  assertEquals((back.events as Message[]).filter((event) => "own" in event), []);
  assertEquals((await bob.next("bye")).code, "displaced");
  await bob.closed;
  again.send({ type: "say", text: "two" });
  const next = await ann.next("message");
  assertEquals(next.text, "one");
  assertEquals((await ann.next("message")).text, "two");
});

Deno.test("a browser that displaces another keeps the session, and can be displaced, too", async () => {
  const chat = lobby();
  await using web = serve(chat);
  await using first = new Browser(web.url);
  const { token, user } = await first.join("Ann");
  await using second = new Browser(web.url);
  assertEquals((await second.join("Ann", { token })).user, user);
  assertEquals((await first.next("bye")).code, "displaced");
  await first.closed;
  await using third = new Browser(web.url);
  const welcome = await third.join("Ann", { token });
  assertEquals([welcome.user, welcome.resumed, welcome.members], [user, true, ["Ann"]]);
  assertEquals((await second.next("bye")).code, "displaced");
});

const python = needsPython("websockets");

Deno.test({
  name: `Python's websockets joins and talks${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using web = serve(lobby());
    await using ann = new Browser(web.url);
    await ann.join("Ann");
    const script = `
import asyncio, json, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        await ws.send(json.dumps({"type": "join", "name": "Python"}))
        print(json.loads(await ws.recv())["type"], flush=True)
        await ws.send(json.dumps({"type": "say", "text": "grüße 🐍"}))
        while True:
            event = json.loads(await ws.recv())
            if event["type"] == "message" and not event["own"]:
                print(event["from"], event["text"], flush=True)
                return
asyncio.run(main())
`;
    const child = new Deno.Command(pythonWith("websockets")!, {
      args: ["-c", script, `${web.url.replace("http", "ws")}/ws`],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    assertEquals((await ann.next("message")).text, "grüße 🐍");
    ann.send({ type: "say", text: "hello Python" });
    const { stdout, success } = await child.output();
    assert(success);
    assertEquals(new TextDecoder().decode(stdout), "welcome\nAnn hello Python\n");
    assertEquals((await ann.next("notice")).text, "Python left");
  },
});

Deno.test("a user whose socket does not finish closing is gone all the same", async () => {
  const chat = lobby();
  await using web = serve(chat, { maxMessage: 100 });
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using mute = await openRaw(web.url);
  await mute.write(frame({ type: "join", name: "Bob" }));
  await ann.next("notice");
  assertEquals((await ann.next("notice")).text, "Bob joined");
  await mute.write(frame({ type: "say", text: "x".repeat(80) }));
  assertEquals((await ann.next("notice")).text, "Bob left");
  // The socket is open still, so it counts.
  const metrics = await metricsOf(web.url);
  assertMatch(metrics, /\nchat_web_connections 2\n/);
  assertMatch(metrics, /\nchat_web_closing 1\n/);
  // Nothing that it says afterwards is heard, and its name is free.
  await mute.write(frame({ type: "say", text: "ghost" }));
  await using bob = new Browser(web.url);
  assertEquals((await bob.join("Bob")).name, "Bob");
  bob.send({ type: "say", text: "here" });
  assertEquals((await ann.next("message")).text, "here");
});

Deno.test("answers that are asked for and not read do not pile up", async () => {
  for (const question of [{ type: "rooms" }, new Uint8Array([1]), { type: "join", name: "" }]) {
    const chat = lobby();
    await using web = serve(chat, { sendQueue: 16 * 1024 });
    await using greedy = await openRaw(web.url);
    if ("type" in question && question.type === "rooms") {
      await greedy.write(frame({ type: "join", name: "Greedy" }));
    }
    const one = frame(question);
    const many = new Uint8Array(one.length * 2000);
    for (let at = 0; at < many.length; at += one.length) many.set(one, at);
    const closing = async () =>
      /\nchat_web_closing (\d)/.exec(await metricsOf(web.url))?.[1] ?? "0";
    // What the sockets of both ends hold is read by nobody; past that it is the queue.
    for (let sent = 0; await closing() === "0" && await connections(web.url) === 1; sent++) {
      assert(sent < 1000, `${JSON.stringify(question)}: never let go`);
      await greedy.write(many).catch(() => {});
    }
    assertEquals(chat.stats().users, 0);
  }
});

Deno.test("browsers that join and leave all the time are slowed down", async () => {
  await using web = serve(lobby(), { rate: 40, burst: 3 });
  const started = performance.now();
  for (let i = 0; i < 12; i++) {
    await using browser = new Browser(web.url);
    await browser.join(`guest${i}`);
  }
  assert(performance.now() - started >= 220, "not slowed down");
});

Deno.test("questions have a measure of their own, and nothing is lost by waiting", async () => {
  await using web = serve(lobby(), { rate: 4, burst: 2 });
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  const started = performance.now();
  for (let i = 0; i < 5; i++) ann.send({ type: "rooms" });
  ann.send({ type: "say", text: "after" });
  for (let i = 0; i < 5; i++) await ann.next("rooms");
  assertEquals((await ann.next("message")).text, "after");
  // The join was the first question.
  assert(performance.now() - started >= 740, "not slowed down");
  assertMatch(await metricsOf(web.url), /\nchat_web_throttled_total 4\n/);
});

Deno.test("a browser that reads as fast as it can survives a burst of thousands of lines", async () => {
  const chat = lobby();
  await using web = serve(chat);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  const bot = await chat.join({ name: "Bot" }, faceOf());
  assert(!("code" in bot));
  // All in one turn of the event loop: as JSON far more than the queue, as text much less.
  for (let i = 0; i < 10_000; i++) bot.say(`line ${i}`);
  for (let i = 0; i < 10_000; i++) assertEquals((await ann.next("message")).text, `line ${i}`);
  assertEquals(chat.stats().left.slow, 0);
});

Deno.test("browsers without a name hold few sockets, and exclude no user", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  const silent = Array.from({ length: 16 }, () => new Browser(web.url));
  await Promise.all(silent.map((browser) => browser.open()));
  await using refused = new Browser(web.url);
  await refused.open();
  await refused.closed;
  ann.send({ type: "say", text: "still here" });
  assertEquals((await ann.next("message")).text, "still here");
  await silent[0]!.join("Bob");
  await using next = new Browser(web.url);
  assertEquals((await next.join("Carol")).name, "Carol");
  for (const browser of silent) await browser[Symbol.asyncDispose]();
});

Deno.test("behind a proxy, where all come from one address, strangers keep out nobody", async () => {
  await using web = serve(lobby(), { maxConnectionsPerAddress: 0 });
  const silent = Array.from({ length: 20 }, () => new Browser(web.url));
  await Promise.all(silent.map((browser) => browser.open()));
  await using ann = new Browser(web.url);
  assertEquals((await ann.join("Ann")).name, "Ann");
  for (const browser of silent) await browser[Symbol.asyncDispose]();
});

Deno.test("a browser names the room of each line, and a line for another room comes back", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann", { rooms: ["tea"] });
  assertEquals((await ann.next("welcome")).also, true);
  await bob.join("Bob");
  ann.send({ type: "say", text: "in tea", id: 1, room: "tea" });
  assertEquals((await ann.next("message")).room, "tea");
  bob.send({ type: "say", text: "in tea, too", id: 2, room: "tea" });
  const { code, id, room, text } = await bob.next("error");
  assertEquals({ code, id, room, text }, {
    code: "not-in-room",
    id: 2,
    room: "tea",
    text: "You are not in #tea. Nothing was sent.",
  });
  bob.send({ type: "say", text: "here", id: 3, room: "lobby" });
  assertEquals((await bob.next("message")).own, true);
  assertEquals((await ann.next("message")).text, "here");
});

Deno.test("edits, deletions, reactions, private messages, histories and searches are messages of the page", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  const { user } = await ann.join("Ann");
  await bob.join("Bob");
  ann.send({ type: "say", text: "helo", id: 1 });
  const { seq: target } = await bob.next("message");
  ann.send({ type: "edit", target, text: "hello", id: 2 });
  const edit = await bob.next("edit");
  assertEquals([edit.target, edit.text, edit.own], [target, "hello", false]);
  bob.send({ type: "react", target, emoji: "👍", on: true, id: 3 });
  const reaction = await ann.next("reaction");
  assertEquals([reaction.emoji, reaction.from, reaction.room], ["👍", "Bob", "lobby"]);
  assertEquals((await bob.next("reaction")).own, true);
  bob.send({ type: "say", text: "psst", id: 4, peer: `${user}` });
  assertEquals((await ann.next("private")).text, "psst");
  assertEquals((await bob.next("private")).own, true);
  ann.send({ type: "history", id: 5, room: "lobby", before: 99 });
  const history = await ann.next("history");
  const [event] = history.events as Message[];
  assertEquals([history.id, event?.text, event?.reactions], [5, "hello", { "👍": ["Bob"] }]);
  ann.send({ type: "search", id: 6, query: "hell" });
  const results = await ann.next("results");
  assertEquals([results.id, (results.hits as Message[]).length], [6, 1]);
  ann.send({ type: "delete", target, id: 7 });
  assertEquals((await bob.next("delete")).target, target);
  ann.send({ type: "ping", id: 8 });
  assertEquals(await ann.next("pong"), { type: "pong", id: 8 });
  ann.send({ type: "leave", room: "lobby", id: 9 });
  assertEquals((await ann.next("reply")).code, "last-room");
});

Deno.test("a browser that reloads is back in its place, and nobody hears of it", async () => {
  const chat = lobby({ grace: 60_000 });
  await using web = serve(chat);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using bob = new Browser(web.url);
  const { token } = await bob.join("Bob");
  await ann.next("notice");
  await ann.next("notice");
  bob.socket.close();
  await bob.closed;
  await until(() => chat.stats().away === 1);
  await using thief = new Browser(web.url);
  await thief.open();
  thief.send({ type: "join", name: "Bob" });
  assertEquals((await thief.next("error")).code, "name-taken");
  await using back = new Browser(web.url);
  const welcome = await back.join("Bob", { token });
  assertEquals([welcome.resumed, welcome.members], [true, ["Ann", "Bob"]]);
  back.send({ type: "say", text: "back" });
  const heard = await ann.next();
  assertEquals([heard.type, heard.text], ["message", "back"]);
  await chat.shutdown();
});

Deno.test("browsers are told of changed rooms without asking", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  assertEquals((await ann.next("rooms")).rooms, [{ name: "lobby", count: 1 }]);
  await using bob = new Browser(web.url);
  await bob.join("Bob", { room: "tea" });
  assertEquals((await ann.next("rooms")).rooms, [
    { name: "lobby", count: 1 },
    { name: "tea", count: 1 },
  ]);
});

Deno.test("a name that waits for its turn is in time, and a known user needs no turn", async () => {
  const chat = lobby({ grace: 60_000 });
  await using web = serve(chat, { rate: 2, burst: 1, nameTimeout: 200 });
  await using ann = new Browser(web.url);
  const { token } = await ann.join("Ann");
  await using bob = new Browser(web.url);
  await bob.open();
  bob.send({ type: "join", name: "Bob" });
  await using again = new Browser(web.url);
  assertEquals((await again.join("Ann", { token })).resumed, true);
  assertEquals((await bob.next("welcome")).name, "Bob");
  await chat.shutdown();
});
