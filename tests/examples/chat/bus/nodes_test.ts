import { assert, assertEquals } from "@std/assert";
import type { ChatEvent, ChatMessage, ChatWelcome } from "../../../../examples/chat/lobby.ts";
import { serveFaultProxy } from "../../../../tools/fault_proxy.ts";
import { redis, redisCli, RedisServer } from "../../../_support/redis.ts";
import { RecordingFace, storeFile, until, type User } from "../_faces.ts";
import { Node, type NodeOptions } from "./_bus.ts";

/** Two nodes or more of a chat, and their Redis. */
interface Chat {
  readonly server: RedisServer;
  start(options?: Partial<NodeOptions>): Promise<Node>;
}

/** Registers a test with a Redis of its own. */
function test(name: string, body: (chat: Chat) => Promise<void>): void {
  Deno.test({
    name: `${name}${redis.suffix}`,
    ignore: redis.ignore,
    async fn() {
      await using server = await RedisServer.start();
      await using nodes = new AsyncDisposableStack();
      await body({
        server,
        async start(options = {}) {
          return nodes.use(await Node.start({ url: server.url, name: "test", ...options }));
        },
      });
    },
  });
}

const texts = ({ face }: User) =>
  face.events.filter((event) => event.type === "message" || event.type === "private")
    .map((event) => (event as ChatMessage).text);

const notices = ({ face }: User) =>
  face.events.flatMap((event) =>
    event.type === "notice" ? [`${event.code} ${event.params.name}`] : []
  );

const welcome = (events: readonly ChatEvent[]) =>
  events.find((event) => event.type === "welcome") as ChatWelcome;

const names = ({ lobby }: Node) => lobby.rooms.map(({ name, count }) => `${name} ${count}`);

test("users on two nodes hear each other in one order", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const [ann, bob] = [await one.page("Ann"), await two.terminal("Bob")];
  await until(() => notices(ann).includes("joined Bob"));
  await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    await Promise.all([ann.say(`a${i}`, 1 + i), bob.say(`b${i}`)]);
  }));
  await until(() => texts(ann).length === 100 && texts(bob).length === 100);
  assertEquals(texts(ann), texts(bob));
  assertEquals(
    texts(ann).filter((text) => text.startsWith("a")),
    Array.from({ length: 50 }, (_, i) => `a${i}`),
  );
  const own = ann.face.own.filter((event) => event.type === "message");
  assertEquals(own.length, 50);
});

test("private messages and /who reach the users of another node", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const [ann, bob] = [await one.page("Ann"), await two.page("Bob")];
  const eve = await two.page("Eve");
  await until(() => notices(ann).includes("joined Eve"));
  await ann.say("/msg Bob psst", 7);
  await until(() => texts(bob).length === 1);
  assertEquals([texts(ann), texts(bob), texts(eve)], [["psst"], ["psst"], []]);
  await ann.say("/who", 8);
  const reply = ann.face.events.find((event) => event.type === "reply");
  assert(reply?.type === "reply");
  assertEquals(reply.params.names, "Ann, Bob, Eve");
});

test("a name belongs to one user of all nodes", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const results = await Promise.all(
    [one, two].map(({ lobby }) => lobby.join({ name: "Ann" }, new RecordingFace("many"))),
  );
  assertEquals(
    results.filter((result) => "code" in result && result.code === "name-taken").length,
    1,
  );
  const [eve, bob] = [await one.page("Eve"), await two.page("Bob")];
  await until(() => one.lobby.stats().users === 3);
  await bob.say("/nick Ann", 1);
  await until(() => bob.face.events.some((event) => event.type === "reply"));
  assertEquals(bob.member.name, "Bob");
  await bob.say("/nick Bert", 2);
  await until(() => bob.member.name === "Bert");
  // The old name is free again, also on a node that has just heard of it.
  await until(() =>
    eve.face.events.some((event) => event.type === "notice" && event.code === "renamed")
  );
  const other = await one.page("Bob");
  assertEquals(other.member.name, "Bob");
});

test("what a node saves late does not give an old name back", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const ann = await one.page("Ann");
  await until(() => two.lobby.stats().users === 1);
  const record = (await one.archive.user(ann.member.user))!;
  assertEquals(await one.archive.claim({ ...record, name: "Bert" }), ann.member.user);
  await one.archive.saveUsers([record]);
  const { id: _, ...other } = record;
  assertEquals(await two.archive.claim({ ...other, tokenHash: "b", name: "Bert" }), "taken");
  assertEquals(typeof await two.archive.claim({ ...other, tokenHash: "b" }), "number");
});

test("the limit of users holds for all nodes together", async ({ start }) => {
  const [one, two] = [await start({ maxUsers: 3 }), await start({ maxUsers: 3 })];
  const joins = [one, two, one, two, one, two].map(({ lobby }, i) =>
    lobby.join({ name: `User${i}` }, new RecordingFace("many"))
  );
  const results = await Promise.all(joins);
  assertEquals(results.filter((result) => "code" in result && result.code === "full").length, 3);
});

test("a page moves to another node, misses nothing, and sends again", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const face = new RecordingFace("many");
  const ann = await one.lobby.join({ name: "Ann" }, face);
  assert(!("code" in ann));
  const { token, epoch, seq } = welcome(face.events);
  const bob = await two.page("Bob");
  await ann.say("once", 5);
  await until(() => texts(bob).length === 1);
  await bob.say("missed", 1);
  const back = new RecordingFace("many");
  const again = await two.lobby.join(
    { name: "Ann", token, since: { epoch, seq, rooms: ["lobby"] } },
    back,
  );
  assert(!("code" in again) && again.user === ann.user);
  const { events, complete, resumed } = welcome(back.events);
  assertEquals([complete, resumed, events.map((event) => (event as ChatMessage).text)], [
    true,
    true,
    ["once", "missed"],
  ]);
  await again.say("once", 5);
  await again.settled();
  const confirmed = back.own.find((event) => event.type === "message") as ChatMessage;
  assertEquals([confirmed.id, confirmed.text], [5, "once"]);
  assertEquals(texts(bob), ["once", "missed"]);
  await until(() =>
    face.events.some((event) => event.type === "bye" && event.code === "displaced")
  );
  assertEquals([ann.present, notices(bob)], [false, []]);
});

test("a node takes over the users of one that ends, and tells a departure once", async (chat) => {
  const one = await Node.start({ url: chat.server.url, name: "test", lease: 3000 });
  const [two, three] = [
    await chat.start({ lease: 3000, grace: 1000 }),
    await chat.start({ lease: 3000, grace: 1000 }),
  ];
  await one.terminal("Tom");
  await one.page("Ann");
  const [bob, cem] = [await two.page("Bob"), await three.page("Cem")];
  await until(() => two.lobby.stats().users === 4 && three.lobby.stats().users === 4);
  await one[Symbol.asyncDispose]();
  await until(() => two.lobby.stats().users === 2 && three.lobby.stats().users === 2);
  for (const user of [bob, cem]) {
    assertEquals(notices(user).filter((notice) => notice.startsWith("left")).sort(), [
      "left Ann",
      "left Tom",
    ]);
  }
  assertEquals([names(two), names(three)], [["lobby 2"], ["lobby 2"]]);
});

test("lines wait while Redis restarts, and none is lost or doubled", async ({ server, start }) => {
  const [one, two] = [await start(), await start()];
  const [ann, bob] = [await one.page("Ann"), await two.page("Bob")];
  await ann.say("before", 1);
  await server.kill();
  const said = [ann.say("during", 2), bob.say("during too", 1)];
  await server.start();
  await Promise.all(said);
  await until(() => texts(ann).length === 3 && texts(bob).length === 3);
  assertEquals(texts(ann), texts(bob));
  assertEquals([one.events, two.events], [[], []]);
});

test("a node that is cut off dismisses its users in time, and comes back", async ({ server, start }) => {
  await using proxy = await serveFaultProxy({
    to: { hostname: "127.0.0.1", port: server.port },
    maxConnections: 0,
  });
  const two = await start({ lease: 2500, grace: 60_000 });
  const one = await start({ lease: 2500, url: `redis://127.0.0.1:${proxy.addr.port}` });
  const face = new RecordingFace("many");
  const ann = await one.lobby.join({ name: "Ann" }, face);
  assert(!("code" in ann));
  const { token, epoch, seq } = welcome(face.events);
  const bob = await two.page("Bob");
  await proxy.setFaults({ download: { stallAfter: 0 }, upload: { stallAfter: 0 }, refuse: true });
  void ann.say("unknown", 3);
  await until(() => face.events.some((event) => event.type === "bye" && event.code === "offline"));
  assertEquals([one.lobby.isReady, one.lobby.fault, ann.present], [false, "unreachable", false]);
  const refused = await one.lobby.join({ name: "Eve" }, new RecordingFace("many"));
  assert("code" in refused && refused.code === "unavailable");
  await bob.say("meanwhile", 1);
  const back = new RecordingFace("many");
  const again = await two.lobby.join({
    name: "Ann",
    token,
    since: { epoch, seq, rooms: ["lobby"] },
  }, back);
  assert(!("code" in again));
  await again.say("unknown", 3);
  await again.settled();
  await proxy.setFaults({});
  await until(() => one.lobby.isReady);
  const third = await one.page("Cem");
  assertEquals(names(one), ["lobby 3"]);
  await third.say("all here", 1);
  await until(() => texts(bob).includes("all here"));
  assertEquals(texts(bob), ["meanwhile", "unknown", "all here"]);
});

test("a node that is farther behind than the log reaches reads the rooms anew", async ({ server, start }) => {
  await using proxy = await serveFaultProxy({
    to: { hostname: "127.0.0.1", port: server.port },
    maxConnections: 0,
  });
  const one = await start({ url: `redis://127.0.0.1:${proxy.addr.port}` });
  const two = await start();
  const [ann, bob] = [await one.page("Ann"), await two.page("Bob")];
  await bob.say("heard", 1);
  await until(() => texts(ann).length === 1);
  await proxy.setFaults({ download: { stallAfter: 0 } });
  for (const n of [2, 3, 4]) await bob.say(`missed ${n}`, n);
  await redisCli(server.port, "XTRIM", "{chat:test}:log", "MAXLEN", "1");
  await proxy.setFaults({});
  await until(() => one.events.some(({ type }) => type === "back"));
  assertEquals(one.events.map(({ type }) => type), ["lost", "back"]);
  const { messages } = await one.archive.history("#lobby", { limit: 9 });
  assertEquals(messages.map(({ text }) => text), ["heard", "missed 2", "missed 3", "missed 4"]);
  assertEquals(one.lobby.epoch, two.lobby.epoch);
});

test("a Redis that has lost its data gets another epoch, and the chat goes on", async ({ server, start }) => {
  const [one, two] = [await start({ lease: 2500 }), await start({ lease: 2500 })];
  const ann = await one.page("Ann");
  await ann.say("lost", 1);
  const before = one.lobby.epoch;
  await server.lose();
  await until(() =>
    one.lobby.isReady && two.lobby.isReady && one.lobby.epoch !== before &&
    one.lobby.epoch === two.lobby.epoch
  );
  const [bob, cem] = [await one.page("Bob"), await two.page("Cem")];
  await bob.say("new", 1);
  await until(() => texts(cem).length === 1);
  assertEquals(
    (await two.archive.history("#lobby", { limit: 9 })).messages.map(({ text }) => text),
    ["new"],
  );
});

test("a store beside a node keeps what Redis no longer has, and goes on after a restart", async ({ server, start }) => {
  await using file = await storeFile();
  const two = await start();
  const bob = await two.page("Bob");
  {
    await using one = await Node.start({ url: server.url, name: "test", store: file.path });
    const ann = await one.page("Ann");
    for (let i = 1; i <= 5; i++) await ann.say(`line ${i}`, i);
    await ann.say("/quit");
  }
  await bob.say("while it is away", 1);
  await two.archive.keep({ messages: 1 }, Date.now());
  await using one = await Node.start({ url: server.url, name: "test", store: file.path });
  const kept = await one.archive.history("#lobby", { limit: 20 });
  assertEquals(kept.messages.map(({ text }) => text), [
    ...Array.from({ length: 5 }, (_, i) => `line ${i + 1}`),
    "while it is away",
  ]);
  const fresh = await start();
  const { messages, more } = await fresh.archive.history("#lobby", { limit: 20 });
  assertEquals([messages.map(({ text }) => text), more], [["while it is away"], false]);
  assertEquals((await fresh.archive.since(["#lobby"], 2, 20)).complete, false);
});

test("lines that wait at a node do not come behind those of another one", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const face = new RecordingFace("many");
  const ann = await one.lobby.join({ name: "Ann" }, face);
  assert(!("code" in ann));
  const { token } = welcome(face.events);
  // The node stores some lines while the user is elsewhere, and others when the user is back.
  const { archive } = one;
  const append = archive.append.bind(archive);
  const claim = archive.claim.bind(archive);
  const [away, partly, claimed] = [1, 2, 3].map(() => Promise.withResolvers<void>());
  archive.append = async (batch) => {
    archive.append = append;
    await away!.promise;
    const first = await append(batch.slice(0, 10));
    partly!.resolve();
    await claimed!.promise;
    return [...first, ...await append(batch.slice(10))];
  };
  archive.claim = (user) => claim(user).finally(() => claimed!.resolve());
  for (let id = 1; id <= 20; id++) void ann.say(`line ${id}`, id);
  const join = async ({ lobby }: Node) => {
    const back = new RecordingFace("many");
    const again = await lobby.join({ name: "Ann", token }, back);
    assert(!("code" in again));
    return { again, back };
  };
  await join(two);
  away!.resolve();
  await partly!.promise;
  const { again, back } = await join(one);
  for (let id = 1; id <= 25; id++) void again.say(`line ${id}`, id);
  await again.settled();
  const confirmed = back.own.flatMap((event) => event.type === "message" ? [event.id] : []);
  assertEquals(confirmed, Array.from({ length: 25 }, (_, i) => i + 1));
  assertEquals(back.own.filter(({ type }) => type === "error"), []);
  const { messages } = await archive.history("#lobby", { limit: 999 });
  assertEquals(messages.map(({ text }) => text), confirmed.map((id) => `line ${id}`));
});

test("edits, reactions and deletions are the same on all nodes", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const [ann, bob] = [await one.page("Ann"), await two.page("Bob")];
  await ann.say("first", 1);
  await ann.say("second", 2);
  await until(() => texts(bob).length === 2);
  const seqs = bob.face.events.flatMap((event) => event.type === "message" ? [event.seq] : []);
  await Promise.all([
    bob.member.react(seqs[0]!, "👍", true, 1),
    ann.member.edit(seqs[0]!, "first!", 3),
    ann.member.remove(seqs[1]!, 4),
    bob.member.edit(seqs[0]!, "not mine", 2),
  ]);
  await Promise.all([ann.member.settled(), bob.member.settled()]);
  const last = Math.max(one.archive.lastSeq, two.archive.lastSeq);
  await until(() => one.archive.lastSeq === last && two.archive.lastSeq === last);
  const state = async ({ archive }: Node) =>
    (await archive.history("#lobby", { limit: 9 })).messages;
  assertEquals(await state(one), await state(two));
  assertEquals((await state(one)).map(({ text, deleted }) => [text, deleted]), [
    ["first!", undefined],
    ["", true],
  ]);
  const error = bob.face.own.find((event) => event.type === "error");
  assert(error?.type === "error");
  assertEquals(error.code, "not-yours");
});

test("a deleted message leaves no text in Redis, and new nodes know of it", async ({ server, start }) => {
  const one = await start();
  const ann = await one.page("Ann");
  await ann.say("first", 1);
  await ann.say("a secret", 2);
  await ann.say("last", 3);
  const seq = one.archive.lastSeq - 1;
  await ann.member.edit(seq, "another secret", 4);
  await ann.member.remove(seq, 5);
  await until(() => ann.face.own.some(({ type }) => type === "delete"));
  const stream = () => redisCli(server.port, "XRANGE", "{chat:test}:room:#lobby", "-", "+");
  while ((await stream()).includes("secret"));
  const two = await start();
  const state = async ({ archive }: Node) =>
    (await archive.history("#lobby", { limit: 9 })).messages;
  assertEquals((await state(two)).map(({ text, deleted }) => [text, deleted]), [
    ["first", undefined],
    ["", true],
    ["last", undefined],
  ]);
  assertEquals(await state(two), await state(one));
});

test("a user who becomes known while the user joins is there once, and can be dismissed", async ({ start }) => {
  const one = await start();
  const first = new RecordingFace("many");
  const ann = await one.lobby.join({ name: "Ann" }, first);
  assert(!("code" in ann));
  const { token } = welcome(first.events);
  ann.leave("quit");
  await one.lobby.settled();
  const two = await start();
  // The record of the other node arrives between the question for the user and the claim.
  const { archive } = two;
  const claim = archive.claim.bind(archive);
  const faces = [new RecordingFace("many"), new RecordingFace("many")];
  archive.claim = async (user) => {
    archive.claim = claim;
    const again = await one.lobby.join({ name: "Ann", token }, faces[0]!);
    assert(!("code" in again));
    await until(() => two.lobby.stats().users === 1);
    return await claim(user);
  };
  const moved = await two.lobby.join({ name: "Ann", token }, faces[1]!);
  assert(!("code" in moved));
  assertEquals([names(two), two.lobby.stats().users], [["lobby 1"], 1]);
  await two.lobby.shutdown();
  assertEquals(faces[1]!.events.at(-1), { type: "bye", code: "shutdown" });
});

test("a page comes back although its session ends and begins elsewhere meanwhile", async ({ start }) => {
  const [one, two] = [await start(), await start()];
  const first = new RecordingFace("many");
  const ann = await one.lobby.join({ name: "Ann" }, first);
  assert(!("code" in ann));
  const { token } = welcome(first.events);
  await until(() => two.lobby.stats().users === 1);
  const { archive } = two;
  const claim = archive.claim.bind(archive);
  archive.claim = async (user) => {
    archive.claim = claim;
    ann.leave("quit");
    await until(() => two.lobby.stats().users === 0);
    const again = await one.lobby.join({ name: "Ann", token }, new RecordingFace("many"));
    assert(!("code" in again));
    return await claim(user);
  };
  const face = new RecordingFace("many");
  const moved = await two.lobby.join({ name: "Ann", token }, face);
  assert(!("code" in moved));
  await moved.say("here", 1);
  await moved.settled();
  assertEquals([moved.user, two.lobby.stats().users, moved.present], [ann.user, 1, true]);
  assertEquals(face.own.filter((event) => event.type === "message").length, 1);
});
