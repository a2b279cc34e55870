import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Lobby } from "../../../examples/chat/lobby.ts";
import { encodeText } from "../../../examples/chat/telnet/charset.ts";
import { type TerminalLimits, Terminals } from "../../../examples/chat/terminal.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { memoryPair, type MemoryPairOptions } from "../../../net/connection/memory_pair.ts";
import { testLobby } from "./_faces.ts";

const LIMITS: TerminalLimits = {
  lang: "en",
  replay: 5,
  charset: "utf-8",
  nameTimeout: 10_000,
  idleTimeout: 0,
  maxLine: 64,
  rate: 0,
  burst: 1,
  sendQueue: 64 * 1024,
};
const GREETING = "* Welcome to the chat. Type your name and press Enter.";

/** A user at the other end of a served connection. */
class User implements AsyncDisposable {
  readonly conn: Connection;
  readonly server: Connection;
  readonly served: Promise<unknown>;

  constructor(terminals: Terminals, options: MemoryPairOptions = {}) {
    [this.conn, this.server] = memoryPair({
      lingerTimeout: 50,
      sendQueue: { limit: 64 * 1024, policy: "disconnect" },
      ...options,
    });
    const { server } = this;
    this.served = terminals.serve(server).catch((error) => error).finally(() => server.close());
  }

  line(): Promise<string | null> {
    return this.conn.readLine({ timeout: 30_000 });
  }

  async lines(count: number): Promise<(string | null)[]> {
    const lines = [];
    for (let i = 0; i < count; i++) lines.push(await this.line());
    return lines;
  }

  /** Gives the name, and waits for the welcome. */
  async enter(name: string): Promise<this> {
    await this.conn.write(`${name}\n`);
    assertEquals(await this.line(), GREETING);
    for (let line; (line = await this.line())?.startsWith("* You are") !== true;) {
      assert(line !== null, "the end");
    }
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.conn.abort();
    await this.served;
    await this.server.close();
  }
}

function setUp(limits: Partial<TerminalLimits> = {}): { lobby: Lobby; terminals: Terminals } {
  const lobby = testLobby();
  return { lobby, terminals: new Terminals(lobby, { ...LIMITS, ...limits }) };
}

Deno.test("a terminal asks for a name until there is a good one", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals);
  await bob.conn.write("ann\r\n\r\nAnn Lee\nBob\n");
  assertEquals(await bob.lines(5), [
    GREETING,
    "* Ann is already here. Another name?",
    "* A name has 1 to 32 visible characters. Another name?",
    "* A name has no spaces. How about Ann_Lee?",
    "* You are Bob in #lobby with Ann. /help lists the commands.",
  ]);
  assertEquals(await ann.line(), "Bob joined");
});

Deno.test("a terminal gives up after five names, as when a browser calls", async () => {
  const { lobby, terminals } = setUp();
  await using user = new User(terminals);
  await user.conn.write("POST / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nX: y\r\n\r\n/quit\nAnn\nhi\n");
  const lines = [];
  for (let line; (line = await user.line()) !== null;) lines.push(line);
  assertEquals(lines.at(-1), "* Too many tries. Good-bye.");
  assertEquals(lobby.stats().joined, 0);
});

Deno.test("a terminal without a name is disconnected in time, even if it sends single bytes", async () => {
  const { terminals } = setUp({ nameTimeout: 200 });
  await using silent = new User(terminals);
  await using dripping = new User(terminals, { faults: [{ chunkSize: 1, delay: 50 }, {}] });
  void dripping.conn.write("x".repeat(1000)).catch(() => {});
  for (const user of [silent, dripping]) {
    assertEquals(await user.lines(3), [
      GREETING,
      "* You did not enter a name in time. Good-bye.",
      null,
    ]);
  }
});

Deno.test("a silent terminal is disconnected in time, also while other users write", async () => {
  const { lobby, terminals } = setUp({ idleTimeout: 300 });
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  const talking = setInterval(() => void bob.conn.write("and then\n").catch(() => {}), 20);
  try {
    let last: string | null = "";
    for (let line; (line = await ann.line()) !== null;) last = line;
    assertEquals(last, "* You were silent for too long. Good-bye.");
    assertEquals([lobby.stats().users, lobby.stats().left.lost], [1, 1]);
  } finally {
    clearInterval(talking);
  }
});

Deno.test("a terminal is served byte by byte, with LF and CR LF", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals, { faults: { chunkSize: 1 } });
  await bob.conn.write("Böb\r\nhéllo 👍\r\nbye\n");
  assertEquals(await ann.lines(3), ["Böb joined", "Böb: héllo 👍", "Böb: bye"]);
});

Deno.test("lines before a half-close are delivered, also a line without its end", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals);
  await bob.conn.write("Bob\none\ntwo");
  await bob.conn.closeWrite();
  assertEquals(await ann.lines(4), ["Bob joined", "Bob: one", "Bob: two", "Bob left"]);
  assertEquals((await bob.lines(3)).at(-1), null);
});

Deno.test("a reset is a leave", async () => {
  const { lobby, terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals, { faults: [{ resetAfter: 7 }, {}] });
  await bob.conn.write("Bob\nhi\nthis breaks").catch(() => {});
  assertEquals(await ann.lines(3), ["Bob joined", "Bob: hi", "Bob left"]);
  assertEquals(lobby.stats().left.lost, 1);
});

Deno.test("an over-long line is answered and skipped, and the user stays", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  await bob.conn.write(`${"x".repeat(64)}\n${"y".repeat(65)}\n${"z".repeat(1_000_000)}\nok\n`);
  assertEquals(await ann.lines(3), ["Bob joined", `Bob: ${"x".repeat(64)}`, "Bob: ok"]);
  const tooLong = "* That line was not sent: it is longer than 64 bytes.";
  assertEquals(await bob.lines(2), [tooLong, tooLong]);
});

Deno.test("escapes of one user do not reach the terminals of the others", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  await bob.conn.write("\x1b]0;owned\x07\x1b[2Jhi\rCem joined\x1b[0m \u202etxt.exe\n\x1b[2J\n");
  await bob.conn.write(new Uint8Array([0x9b, 0x31, 0x6d, 0x41, 0x0a]));
  await bob.conn.write("bye\n");
  assertEquals(await ann.lines(4), [
    "Bob joined",
    "Bob: hi",
    "Bob: Cem joined txt.exe",
    "Bob: bye",
  ]);
});

Deno.test("a terminal that negotiates and presses Ctrl+C is answered and understood", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals, { faults: { chunkSize: 1 } });
  await bob.conn.write(new Uint8Array([255, 251, 31, 255, 253, 1]));
  await bob.conn.write("Bob\r\0");
  assertEquals(await bob.line(), GREETING);
  assertEquals(await bob.conn.readExact(6), new Uint8Array([255, 254, 31, 255, 252, 1]));
  assertEquals(await bob.line(), "* You are Bob in #lobby with Ann. /help lists the commands.");
  await bob.conn.write(new Uint8Array([255, 244, 255, 253, 6]));
  await bob.conn.write("/msg Ann psst\r\nhello\r\n");
  assertEquals(await bob.conn.readExact(3), new Uint8Array([255, 251, 6]));
  assertEquals(await ann.lines(3), ["Bob joined", "[private] Bob -> Ann: psst", "Bob: hello"]);
  await bob.conn.write(new Uint8Array([255, 246]));
  assertEquals(await bob.lines(2), ["[private] Bob -> Ann: psst", "* The chat is here."]);
});

Deno.test("a terminal without line editing erases what it has typed, also in its name", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals);
  await bob.conn.write(`Bib\b\bob\r\nhunter2${"\x7f".repeat(7)}hello\r\nsecret\x15bye\r\n`);
  await bob.conn.write(`${"x".repeat(60)}${"\b".repeat(60)}short\n`);
  assertEquals(await ann.lines(4), ["Bob joined", "Bob: hello", "Bob: bye", "Bob: short"]);
});

Deno.test("a line in another encoding is not sent, and its author learns what to do", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  await bob.conn.write(new Uint8Array([0xc4, 0xe3, 0xba, 0xc3, 10, 0x63, 0x61, 0x66, 0xe9, 10]));
  await bob.conn.write("hi\n");
  const told = (guess: string) =>
    `* That line was not sent: it is not utf-8. Type /charset ${guess} if your terminal uses ` +
    `${guess}. For all terminals, start the chat with --charset ${guess}.`;
  assertEquals(await bob.lines(2), [told("gbk"), told("latin-1")]);
  assertEquals(await ann.lines(2), ["Bob joined", "Bob: hi"]);
});

Deno.test("a terminal in GBK writes and reads Chinese", async () => {
  const { terminals } = setUp({ charset: "gbk", lang: "zh" });
  await using ann = new User(terminals);
  await using bob = new User(terminals);
  const read = async ({ conn }: User) => {
    const bytes = (await conn.readChunk({ timeout: 30_000 }))!;
    return new TextDecoder("gbk", { fatal: true }).decode(bytes);
  };
  assertMatch(await read(ann), /^\* 欢迎来到聊天室/);
  await ann.conn.write("Ann\n");
  assertMatch(await read(ann), /^\* 你是 Ann/);
  await bob.conn.write(new Uint8Array([0xd0, 0xa1, 0xc3, 0xf7, 10, 0xc4, 0xe3, 0xba, 0xc3, 10]));
  let heard = "";
  while (!heard.endsWith("小明: 你好\n")) heard += await read(ann);
  assertEquals(heard, "小明 加入了\n小明: 你好\n");
});

Deno.test("a flood is slowed down by not reading on, and nothing is lost", async () => {
  const { terminals } = setUp({ rate: 100, burst: 5 });
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  await using cem = await new User(terminals).enter("Cem");
  await ann.lines(2);
  const started = performance.now();
  await bob.conn.write(Array.from({ length: 40 }, (_, i) => `${i}\n`).join(""));
  await cem.conn.write("me too\n");
  const heard = await ann.lines(41);
  const took = performance.now() - started;
  // His name and 4 lines pass at once, 36 at 100 a second; who does not flood is not slowed down.
  assert(took >= 340, `${took} ms`);
  assert(heard.indexOf("Cem: me too") < 10, heard.join());
  const flood = heard.filter((line) => line !== "Cem: me too");
  assertEquals(flood, Array.from({ length: 40 }, (_, i) => `Bob: ${i}`));
});

Deno.test("a user who is slowed down can be disconnected at once", async () => {
  const { lobby, terminals } = setUp({ rate: 0.1, burst: 2 });
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  await bob.conn.write("one\ntwo\nthree\n");
  assertEquals(await ann.lines(2), ["Bob joined", "Bob: one"]);
  await lobby.shutdown();
  await bob.served;
  assertEquals(await ann.lines(2), ["The server is stopping", "* Good-bye."]);
});

Deno.test("a user who does not read is disconnected when the queue is full, and delays nobody", async () => {
  const { lobby, terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using deaf = await new User(terminals, { capacity: 1024 }).enter("Deaf");
  await using bob = await new User(terminals).enter("Bob");
  assertEquals(await ann.lines(2), ["Deaf joined", "Bob joined"]);
  let peak = 0;
  const heard: (string | null)[] = [];
  for (let i = 0; i < 2500; i++) {
    await bob.conn.write(`line ${i} ${"x".repeat(40)}\n`);
    heard.push(await ann.line());
    peak = Math.max(peak, deaf.server.stats().queuedBytes);
  }
  assertEquals(lobby.stats().left.slow, 1);
  assertEquals(heard.filter((line) => line === "Deaf left").length, 1);
  assertMatch(heard[0] ?? "", /^Bob: line 0 /);
  assert(peak > 60_000 && peak <= 64 * 1024, `${peak}`);
});

Deno.test("one talker does not overrun listeners that read", async () => {
  const { lobby, terminals } = setUp({ maxLine: 1024 });
  const listeners = await Promise.all(
    Array.from({ length: 5 }, (_, i) => new User(terminals).enter(`L${i}`)),
  );
  await using talker = await new User(terminals).enter("a".repeat(32));
  // Two bytes a line become 36 for each listener: far more than their queues.
  const lines = 20_000;
  const heard = listeners.map(async ({ conn }) => {
    let count = 0;
    while (count < lines) if ((await conn.readLine({ timeout: 30_000 }))?.endsWith(": x")) count++;
  });
  await talker.conn.write("x\n".repeat(lines));
  await Promise.all(heard);
  assertEquals(lobby.stats().left.slow, 0);
  for (const listener of listeners) await listener[Symbol.asyncDispose]();
});

Deno.test("/quit is answered with good-bye and the end", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await ann.conn.write("/quit\nnot any more\n");
  assertEquals(await ann.lines(2), ["* Good-bye.", null]);
  await ann.served;
});

Deno.test("/charset sets the encoding of one terminal, also before it has a name", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = new User(terminals);
  const gbk = (text: string) => encodeText(text, "gbk");
  await bob.conn.write("/charset klingon\n/charset GB2312\n");
  await bob.conn.write(gbk("小明\n你好\n"));
  assertEquals(await ann.lines(2), ["小明 joined", "小明: 你好"]);
  await ann.conn.write("你好小明\n");
  const read = async (end: string) => {
    let text = "";
    const decoder = new TextDecoder("gbk", { fatal: true });
    while (!text.endsWith(end)) {
      text += decoder.decode((await bob.conn.readChunk({ timeout: 30_000 }))!, { stream: true });
    }
    return text.split("\n").slice(0, -1);
  };
  assertEquals(await read("Ann: 你好小明\n"), [
    GREETING,
    "* Usage: /charset NAME, with utf-8, gbk or latin-1",
    "* This terminal uses gbk.",
    "* You are 小明 in #lobby with Ann. /help lists the commands.",
    "Ann: 你好小明",
  ]);
  await bob.conn.write("/charset utf8\nagain: 你好\n");
  assertEquals(await read("* This terminal uses utf-8.\n"), ["* This terminal uses utf-8."]);
  assertEquals(await ann.line(), "小明: again: 你好");
});

Deno.test("an edit, a reaction and a deletion reach the other terminals, and confirm themselves", async () => {
  const { terminals } = setUp();
  await using ann = await new User(terminals).enter("Ann");
  await using bob = await new User(terminals).enter("Bob");
  await bob.conn.write("tow\n/edit two\n/edit\n");
  const edited = "Bob: two (edited)";
  assertEquals(await ann.lines(3), ["Bob joined", "Bob: tow", edited]);
  assertEquals(await bob.lines(2), [edited, "* Usage: /edit TEXT"]);
  await ann.conn.write("/react 👍\n");
  const reacted = "Ann reacted with 👍 (to Bob)";
  assertEquals([await bob.line(), await ann.line()], [reacted, reacted]);
  await bob.conn.write("/delete\n/search tow\n");
  const deleted = "Bob deleted a message";
  assertEquals(await bob.lines(2), [deleted, "* Nothing found."]);
  assertEquals(await ann.line(), deleted);
});

Deno.test("fifty users hear the same lines in the same order", async () => {
  const { terminals } = setUp();
  await using witness = await new User(terminals).enter("Witness");
  const users = [];
  for (let i = 0; i < 50; i++) users.push(await new User(terminals).enter(`u${i}`));
  await witness.lines(50);
  await Promise.all(users.map(async ({ conn }, i) => {
    for (let n = 0; n < 4; n++) {
      await conn.write(`${i}.${n}\n`);
      await delay(i % 3);
    }
  }));
  const all = await witness.lines(200);
  assertEquals(new Set(all).size, 200);
  for (const [i, user] of users.entries()) {
    // Those who came after him, then everything but his own.
    await user.lines(49 - i);
    assertEquals(await user.lines(196), all.filter((line) => !line?.startsWith(`u${i}:`)));
  }
  for (const user of users) await user[Symbol.asyncDispose]();
});

Deno.test("the terminal speaks Chinese where the server does", async () => {
  const { terminals } = setUp({ lang: "zh" });
  await using one = new User(terminals);
  await one.conn.write("小明\n");
  assertEquals(await one.lines(2), [
    "* 欢迎来到聊天室。请输入你的名字，然后按回车。",
    "* 你是 小明，在 #lobby，目前只有你一人。输入 /help 查看命令。",
  ]);
  await using two = new User(terminals);
  await two.conn.write("Bob\n你好\n");
  await two.conn.closeWrite();
  assertEquals(await one.lines(3), ["Bob 加入了", "Bob: 你好", "Bob 离开了"]);
});
