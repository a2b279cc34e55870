import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectImap, type ConnectImapOptions, type ImapEvent } from "../../../net/imap/client.ts";
import { watchImap } from "../../../net/imap/watch.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { testAlone } from "../../_support/alone.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";
import { type Answer, beginTls, lineServer } from "../../_support/line_server.ts";

const PLAIN: ConnectImapOptions = { tls: "none", allowPlaintextLogin: true, timeout: 30_000 };
const ANN = { username: "ann", password: "secret" };

/** A server of which each command is answered by `answers`; `$` stands for the tag. */
function mailbox(
  answers: Record<string, Answer> = {},
  capabilities = "IMAP4rev1 IDLE UIDPLUS",
  greeting = "* OK ready\r\n",
) {
  const all: Record<string, Answer> = {
    CAPABILITY: () => `* CAPABILITY ${capabilities}\r\n$ OK done\r\n`,
    LOGIN: (line) =>
      line.includes('"secret"') ? "$ OK in\r\n" : "$ NO [AUTHENTICATIONFAILED] no\r\n",
    LOGOUT: () => "* BYE\r\n$ OK bye\r\n",
    ...answers,
  };
  return lineServer(greeting, async (line, conn) => {
    const [tag = "", verb = "", more = ""] = line.split(" ");
    const answer = all[verb === "UID" ? `UID ${more}` : verb] ?? (() => "$ OK done\r\n");
    const text = await answer(line, conn);
    return text?.replaceAll("$", tag);
  });
}

const text = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text();

Deno.test("a session: login, folders, a folder opened, its status", async () => {
  await using server = mailbox({
    LIST: () => '* LIST (\\HasChildren) "/" INBOX\r\n* LIST () NIL "Entw&APw-rfe"\r\n$ OK done\r\n',
    SELECT: () =>
      "* 3 EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDNEXT 9] x\r\n* OK [UIDVALIDITY 5] x\r\n* OK [PERMANENTFLAGS (\\*)] x\r\n$ OK [READ-WRITE] done\r\n",
    STATUS: () => "* STATUS INBOX (MESSAGES 3 UNSEEN 1 UIDNEXT 9)\r\n$ OK done\r\n",
  });
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
  assertEquals(await mail.list(), [
    { name: "INBOX", path: ["INBOX"], delimiter: "/", flags: ["\\HasChildren"] },
    { name: "Entwürfe", path: ["Entwürfe"], delimiter: undefined, flags: [] },
  ]);
  const selected = await mail.select("Entwürfe");
  assertEquals(selected, {
    name: "Entwürfe",
    exists: 3,
    flags: ["\\Seen"],
    permanentFlags: ["\\*"],
    uidNext: 9,
    uidValidity: 5,
    readOnly: false,
  });
  assertEquals(await mail.status("INBOX"), { messages: 3, unseen: 1, uidNext: 9 });
  assert(server.heard.includes('a5 SELECT "Entw&APw-rfe"'), server.heard.join("\n"));
});

Deno.test("messages are searched, fetched, and news in between are told", async () => {
  const news: ImapEvent[] = [];
  await using server = mailbox({
    "UID SEARCH": () => "* SEARCH 9 7\r\n$ OK done\r\n",
    "UID FETCH": () =>
      '* 4 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 7 ENVELOPE ("d" {5}\r\nhello NIL NIL NIL NIL NIL NIL NIL NIL))\r\n* 3 EXPUNGE\r\n$ OK done\r\n',
  });
  await using mail = await connectImap({
    ...PLAIN,
    ...ANN,
    port: server.port,
    onEvent: (event) => news.push(event),
  });
  await mail.select("INBOX");
  assertEquals(await mail.search({ from: "x" }), [7, 9]);
  const [message, ...more] = await mail.fetch([7, 9], { envelope: true });
  assertEquals([message?.uid, message?.envelope?.subject, more], [7, "hello", []]);
  assertEquals(news.map(({ type }) => type), ["exists", "message", "expunge"]);
  assertEquals(mail.selected?.exists, 3);
});

Deno.test("texts that the user must see reach onAlert, but none from before STARTTLS", async () => {
  await using server = mailbox(
    {
      LOGIN: () => "* OK [ALERT] soon full\r\n$ OK [ALERT] password expires\r\n",
      NOOP: () => "$ NO [ALERT] the text of an error\r\n",
    },
    "IMAP4rev1",
    "* OK [ALERT] maintenance at 9\r\n",
  );
  const alerts: string[] = [];
  const onAlert = (text: string) => void alerts.push(text);
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port, onAlert });
  await assertRejects(() => mail.noop(), ReplyError, "the text of an error");
  assertEquals(alerts.splice(0), ["maintenance at 9", "soon full", "password expires"]);
  const forged = { port: server.port, tls: "starttls", timeout: 2000, onAlert } as const;
  await assertRejects(() => connectImap(forged), NetError, "does not offer STARTTLS");
  assertEquals(alerts, []);
});

Deno.test("names of folders are UTF-8 for a server with IMAP4rev2 alone (RFC 9051 §5.1)", async () => {
  const answers = { LIST: () => '* LIST () "/" "a&b"\r\n* LIST () "/" "c&-d"\r\n$ OK done\r\n' };
  const heard = async (capabilities: string) => {
    await using server = mailbox(answers, capabilities);
    await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
    for (const { name } of await mail.list("x&*")) await mail.select(name);
    await mail.create("e&f");
    const lines = server.heard.map((line) => line.replace(/^a\d+ /, ""));
    return lines.filter((line) => line.includes("&")).map((line) => line.replace(/ RETURN .*/, ""));
  };
  assertEquals(await heard("IMAP4rev2"), [
    ...['LIST "" "x&*"', 'SELECT "a&b"', 'SELECT "c&-d"', 'CREATE "e&f"'],
  ]);
  assertEquals(await heard("IMAP4rev1 IMAP4rev2"), [
    ...['LIST "" "x&-*"', 'SELECT "a&b"', 'SELECT "c&-d"', 'CREATE "e&-f"'],
  ]);
});

Deno.test("a message is a stream, whatever its size, and may be left in the middle", async () => {
  const size = 3_000_000;
  await using server = mailbox({
    "UID FETCH": async (line, conn) => {
      if (line.includes(" 8 ")) return "$ OK done\r\n";
      if (line.includes(" 6 ")) return '* 1 FETCH (UID 6 BODY[] "short")\r\n$ OK done\r\n';
      await conn.write(`* 1 FETCH (UID 7 BODY[] {${size}}\r\n`);
      for (let left = size; left > 0; left -= 60_000) {
        await conn.write("x".repeat(Math.min(left, 60_000)));
      }
      return ")\r\n$ OK done\r\n";
    },
  });
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port, maxLiteral: 1000 });
  assertEquals((await text(await mail.message(7))).length, size);
  assertEquals(await text(await mail.message(6)), "short");
  const stream = await mail.message(7);
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  await mail.noop();
  const none = await assertRejects(() => mail.message(8), NetError);
  assertEquals(none.kind, "protocol");
  await mail.noop();
});

Deno.test("a message is a stream also from servers that leave out its UID", async () => {
  await using server = mailbox({
    "UID FETCH": (line) =>
      `* 4 EXISTS\r\n* 2 FETCH (FLAGS ())\r\n* 1 FETCH (BODY[${
        line.includes("TEXT") ? 'TEXT] "hi"' : "] {2}\r\nhi"
      })\r\n$ OK done\r\n`,
  });
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
  assertEquals(await text(await mail.message(7)), "hi");
  assertEquals(await text(await mail.message(7, "TEXT")), "hi");
});

Deno.test("literals are sent when the server asks for them, or at once where it may be", async () => {
  const append: Answer = async (line, conn) => {
    if (line.endsWith("{5}")) await conn.write("+ go on\r\n");
    const body = await conn.readExact(5);
    await conn.readLine();
    assertEquals(new TextDecoder().decode(body), "hello");
    return "$ OK [APPENDUID 1 42] done\r\n";
  };
  for (const capabilities of ["IMAP4rev1", "IMAP4rev1 LITERAL+"]) {
    await using server = mailbox({ APPEND: append }, capabilities);
    await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
    assertEquals(await mail.append("INBOX", "hello", { flags: ["\\Seen"] }), 42);
    const plus = capabilities.includes("+") ? "+" : "";
    assert(server.heard.some((line) => line.endsWith(`APPEND "INBOX" (\\Seen) {5${plus}}`)));
  }
  await using refusing = mailbox({ APPEND: () => "$ NO [OVERQUOTA] full\r\n" });
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: refusing.port });
  const error = await assertRejects(() => mail.append("INBOX", "hello"), ReplyError);
  assertEquals([error.code, error.enhanced], ["NO", "OVERQUOTA"]);
  await mail.noop();
  await using eager = mailbox({ APPEND: () => "$ OK done\r\n" });
  const other = await connectImap({ ...PLAIN, ...ANN, port: eager.port });
  const early = await assertRejects(
    () => other.append("INBOX", "hello"),
    NetError,
    "not sent completely",
  );
  assertEquals([early.kind, other.open], ["protocol", false]);
});

Deno.test("a message is appended as it comes, its size told first", async () => {
  const seen: string[] = [];
  const append: Answer = async (line, conn) => {
    const size = Number(/\{(\d+)\}$/.exec(line)?.[1]);
    if (line.includes("full")) return "$ NO [OVERQUOTA] full\r\n";
    await conn.write("+ go on\r\n");
    const body = await conn.readExact(size).catch(() => undefined);
    if (body === undefined) return undefined;
    seen.push(new TextDecoder().decode(body));
    await conn.readLine();
    return "$ OK [APPENDUID 1 42] done\r\n";
  };
  await using server = mailbox({ APPEND: append }, "IMAP4rev1 LITERAL+");
  const connect = () => connectImap({ ...PLAIN, ...ANN, commandTimeout: 200, port: server.port });
  const pieces = (...texts: string[]) =>
    ReadableStream.from(texts).pipeThrough(new TextEncoderStream());
  await using mail = await connect();
  assertEquals(await mail.append("INBOX", pieces("hel", "lo"), { size: 5 }), 42);
  assertEquals(await mail.append("INBOX", pieces(), { size: 0 }), 42);
  // The time that the source takes is not the server's.
  const slow = async function* () {
    yield new TextEncoder().encode("a");
    await delay(300);
    yield new TextEncoder().encode("b");
  };
  assertEquals(await mail.append("INBOX", slow(), { size: 2 }), 42);
  assertEquals(seen, ["hello", "", "ab"]);
  let cancelled: unknown;
  const unwanted = () =>
    new ReadableStream<Uint8Array>({ cancel: (why) => void (cancelled = why) });
  const full = await assertRejects(
    () => mail.append("full", unwanted(), { size: 9 }),
    ReplyError,
  );
  assertEquals(full, cancelled);
  await assertRejects(() => mail.append("INBOX", unwanted()), TypeError, "size must be");
  await mail.noop();
  // Whatever has another size is never taken for whole.
  for (const [texts, what] of [[["much", "more"], "longer"], [["a"], "after 1 of"]] as const) {
    await using other = await connect();
    await assertRejects(
      () => other.append("INBOX", pieces(...texts), { size: 5 }),
      RangeError,
      what,
    );
    assertEquals(other.open, false);
  }
  assertEquals(seen.length, 3);
});

Deno.test("idle() gives the news, begins anew, and ends when it is told to", async () => {
  let turns = 0;
  await using server = mailbox({
    IDLE: async (_, conn) => {
      turns++;
      await conn.write("+ idling\r\n");
      if (turns === 2) await conn.write("* 5 EXISTS\r\n* 2 EXPUNGE\r\n");
      const line = await conn.readLine();
      return line === "DONE" ? "$ OK done\r\n" : "$ BAD what\r\n";
    },
  });
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
  await mail.select("INBOX");
  const seen: ImapEvent[] = [];
  for await (const event of mail.idle({ renew: 50 })) {
    seen.push(event);
    if (seen.length === 2) break;
  }
  assertEquals(seen, [{ type: "exists", count: 5 }, { type: "expunge", number: 2 }]);
  assertEquals(turns, 2);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 30);
  for await (const _ of mail.idle({ signal: stop.signal }));
  await mail.noop();
});

Deno.test("idle() lets others go between, its own loop too, and misses no news", async () => {
  let turns = 0;
  await using server = mailbox({
    IDLE: async (_, conn) => {
      const news = turns++ === 0 ? "* 5 EXISTS\r\n" : "";
      await conn.write(`+ idling\r\n${news}`);
      return await conn.readLine() === "DONE" ? "* 6 EXISTS\r\n$ OK done\r\n" : undefined;
    },
    "UID SEARCH": () => "* SEARCH 9\r\n* 7 EXISTS\r\n$ OK done\r\n",
  });
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  const stop = new AbortController();
  const counts: number[] = [];
  const waits = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const event of mail.idle({ signal: stop.signal })) {
      if (event.type === "exists") counts.push(event.count);
      // The very thing to do with news.
      if (counts.length === 1) assertEquals(await mail.search(), [9]);
      if (counts.length === 3) waits.resolve();
    }
  })();
  await waits.promise;
  // It listens again, and another task has something to ask.
  while (turns < 2) await delay(5);
  await mail.noop();
  while (turns < 3) await delay(5);
  stop.abort();
  await watching;
  assertEquals(counts, [5, 6, 7, 6, 6]);
  const verbs = server.heard.slice(1).map((line) => line.split(" ").slice(-1)[0]);
  assertEquals(verbs, ["IDLE", "ALL", "IDLE", "NOOP", "IDLE"]);
});

Deno.test("idle() is interrupted between the pieces of a response, none of it is lost", async () => {
  const half = Promise.withResolvers<void>();
  await using server = mailbox({
    IDLE: async (_, conn) => {
      await conn.write("+ idling\r\n* 1 FETCH (UID 7 BODY[1] {4}\r\nab");
      half.resolve();
      await delay(50);
      await conn.write("cd)\r\n");
      return await conn.readLine() === "DONE" ? "$ OK done\r\n" : undefined;
    },
  });
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  const news = mail.idle();
  const first = news.next();
  await half.promise;
  await delay(10);
  await mail.noop();
  const { value } = await first;
  assert(value?.type === "message");
  assertEquals(new TextDecoder().decode(value.message.sections.get("1")!), "abcd");
  await news.return();
});

Deno.test("STARTTLS: encrypted before the login, never skipped, nothing smuggled in", async () => {
  const { ca } = await testCertificates();
  const starttls: Answer = (line, conn) => beginTls(conn, `${line.split(" ")[0]} OK begin\r\n`);
  await using server = mailbox({ STARTTLS: starttls }, "IMAP4rev1 STARTTLS");
  const options = { ...ANN, tls: "starttls" as const, caCerts: [ca], timeout: 30_000 };
  {
    await using mail = await connectImap({ ...options, port: server.port });
    assert(mail.encrypted);
  }
  await using without = mailbox();
  assertEquals(
    (await assertRejects(() => connectImap({ ...options, port: without.port }), NetError)).kind,
    "unsupported",
  );
  await using evil = mailbox({ STARTTLS: () => "$ OK begin\r\n* OK injected\r\n" }, "STARTTLS");
  assertEquals(
    (await assertRejects(() => connectImap({ ...options, port: evil.port }), NetError)).kind,
    "protocol",
  );
  await using early = mailbox({}, "STARTTLS", "* PREAUTH hello\r\n");
  assertEquals(
    (await assertRejects(() => connectImap({ ...options, port: early.port }), NetError)).kind,
    "protocol",
  );
  const plain = { ...PLAIN, ...ANN, allowPlaintextLogin: false, port: without.port };
  assertEquals((await assertRejects(() => connectImap(plain), NetError)).kind, "usage");
  assert(!without.heard.join().includes("secret"));
});

Deno.test("idle() lets others go between also after a response that does not end", async () => {
  await using server = mailbox({
    IDLE: async (_, conn) => {
      await conn.write("+ idling\r\n* 1 FETCH (FLAGS (\\Seen\r\n");
      return await conn.readLine() === "DONE" ? "* 5 EXISTS\r\n$ OK done\r\n" : undefined;
    },
  });
  const invalid = Promise.withResolvers<string>();
  // The test would exceed the time limit for a reply.
  await using mail = await connectImap({
    ...{ ...PLAIN, timeout: 600_000, port: server.port },
    onInvalid: ({ text }) => invalid.resolve(text),
  });
  await mail.select("INBOX");
  const news = mail.idle();
  const first = news.next();
  while (server.heard.every((line) => !line.endsWith("IDLE"))) await delay(5);
  await delay(20);
  await mail.noop();
  assertEquals(await invalid.promise, "FLAGS (\\Seen");
  // Something has changed in the message, even though nothing else is known.
  assertEquals((await first).value?.type, "message");
  assertEquals((await news.next()).value, { type: "exists", count: 5 });
  await news.return();
});

Deno.test("nothing that comes before STARTTLS is reported or kept", async () => {
  const { ca } = await testCertificates();
  const reports: string[] = [];
  const forged =
    '* 42 EXISTS\r\n* 1 FETCH (UID 7 ENVELOPE (NIL "forged"))\r\n* OK [UIDNEXT x] y\r\n* (\r\n';
  await using server = mailbox({
    CAPABILITY: (_, conn) =>
      conn.tls === undefined
        ? `${forged}* CAPABILITY IMAP4rev1 STARTTLS LITERAL+ MOVE\r\n$ OK ${
          forged.split("\r\n")[0]
        }\r\n`
        : "* CAPABILITY IMAP4rev1\r\n$ OK done\r\n",
    STARTTLS: (line, conn) =>
      beginTls(conn, `${forged}${line.split(" ")[0]} OK [CAPABILITY MOVE] begin\r\n`),
  });
  await using mail = await connectImap({
    ...{ tls: "starttls", caCerts: [ca], timeout: 30_000, port: server.port },
    onEvent: ({ type }) => void reports.push(type),
    onInvalid: ({ what }) => void reports.push(what),
  });
  assertEquals([reports, mail.selected, [...mail.capabilities]], [[], undefined, ["IMAP4REV1"]]);
});

Deno.test("STARTTLS waits for its command to be written, however early the answer is there", async () => {
  const [connection, server] = memoryPair({ capacity: 4 });
  const answering = server.write(
    "* OK hi\r\n* CAPABILITY STARTTLS\r\na1 OK done\r\na2 OK begin\r\n",
  );
  const connecting = connectImap({ tls: "starttls", connection, timeout: 30_000 });
  const heard = [await server.readLine()];
  await answering;
  await delay(20);
  heard.push(await server.readLine());
  // What follows is not a line any more.
  const [type] = await server.readExact(1);
  server.abort();
  await assertRejects(() => connecting, NetError);
  assertEquals([heard, type], [["a1 CAPABILITY", "a2 STARTTLS"], 0x16]);
});

Deno.test("hostile servers: errors in time, and nothing goes on", async () => {
  const cases: [string, Answer, string][] = [
    ["no response", () => "hello\r\n", "protocol"],
    ["another tag", () => "a99 OK done\r\n", "protocol"],
    ["a wish for more", () => "+ more\r\n", "protocol"],
    ["silence", () => "", "timeout"],
    ["the end", () => undefined, "truncated"],
    ["an endless line", () => `* OK ${"x".repeat(20_000_000)}`, "limit"],
    ["4 GB", () => "* 1 FETCH (BODY[] {4294967296}\r\n", "limit"],
    [
      "the end of a literal",
      async (_, conn) => (await conn.write("* X {9}\r\nhalf"), undefined),
      "truncated",
    ],
    ["good-bye", () => "* BYE [UNAVAILABLE] later\r\n", "reply"],
  ];
  for (const [what, noop, kind] of cases) {
    await using server = mailbox({ NOOP: noop });
    const timeout = kind === "timeout" || what === "a wish for more" ? 400 : 5000;
    const mail = await connectImap({ ...PLAIN, port: server.port, timeout });
    const error = await assertRejects(() => mail.noop(), NetError);
    assertEquals([error.kind, mail.open], [kind, false], what);
    await mail[Symbol.asyncDispose]();
  }
});

Deno.test("bad arguments are refused before anything is sent, and the session lives", async () => {
  await using server = mailbox();
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  const before = server.heard.length;
  await assertRejects(() => mail.login({ username: "a\r\nb", password: "x" }), TypeError);
  await assertRejects(() => mail.search({ subject: "a\nb" }), TypeError);
  await assertRejects(() => mail.fetch("1 OR", {}), TypeError, "uids must be");
  await assertRejects(() => mail.fetch(1, { sections: ["1] (x"] }), TypeError);
  await assertRejects(() => mail.store(1, "add", ["a)b"]), TypeError);
  await assertRejects(() => mail.message(0), RangeError);
  assertEquals(server.heard.length, before);
  await mail.noop();
});

Deno.test("it speaks over a connection that is there already, one byte at a time", async () => {
  const [client, server] = memoryPair();
  const serving = (async () => {
    for (const byte of "* OK hi\r\n") await server.write(byte);
    for (let line; (line = await server.readLine()) !== null;) {
      const [tag, verb] = line.split(" ");
      const data = verb === "UID" ? "* 1 FETCH (UID 7 BODY[1] {5}\r\nhello FLAGS ())\r\n" : "";
      for (const byte of `${data}${tag} OK done\r\n`) await server.write(byte);
      if (verb === "LOGOUT") break;
    }
    await server.close();
  })();
  {
    await using mail = await connectImap({ tls: "none", connection: client });
    const [message] = await mail.fetch(7, { sections: ["1"] });
    assertEquals(message?.sections.get("1"), new TextEncoder().encode("hello"));
  }
  await serving;
});

Deno.test("responses are the same however they are cut, and their memory is the caller's", async () => {
  const texts = ["", "x", "line\r\n* 9 EXISTS\r\n", "b".repeat(300)];
  const fetched = texts.map((one, i) =>
    `* ${i + 1} FETCH (UID ${i + 1} BODY[TEXT] {${one.length}}\r\n${one} FLAGS (\\Seen))\r\n`
  ).join("");
  for (const size of [1, 2, 7, 64, 200, 1000]) {
    const [client, server] = memoryPair();
    const cut = async (all: string) => {
      const bytes = new TextEncoder().encode(all);
      for (let at = 0; at < bytes.length; at += size) {
        await server.write(bytes.slice(at, at + size));
      }
    };
    const serving = (async () => {
      await cut("* PREAUTH hello\r\n");
      for (let line; (line = await server.readLine()) !== null;) {
        const [tag, verb] = line.split(" ");
        const data = verb === "UID" ? fetched : verb === "CAPABILITY" ? "* CAPABILITY X\r\n" : "";
        // What comes next may stand behind it in the same piece of memory.
        await cut(`${data}${tag} OK done\r\n${verb === "UID" ? "* 5 EXISTS\r\n" : ""}`);
        if (verb === "LOGOUT") break;
      }
      await server.close();
    })();
    {
      await using mail = await connectImap({ tls: "none", connection: client });
      await mail.select("INBOX");
      const messages = await mail.fetch("1:*", { sections: ["TEXT"], flags: true });
      const sections = messages.map(({ sections }) => sections.get("TEXT")!);
      assertEquals(sections.map((one) => new TextDecoder().decode(one)), texts);
      for (const buffer of new Set(sections.map(({ buffer }) => buffer as ArrayBuffer))) {
        buffer.transfer();
      }
      await mail.noop();
      assertEquals(mail.selected?.exists, 5);
    }
    await serving;
  }
});

Deno.test("watchImap() comes back by itself, and gives up what is no use", async () => {
  let turns = 0;
  await using server = mailbox({
    EXAMINE: () => `* ${++turns} EXISTS\r\n$ OK done\r\n`,
    IDLE: async (_, conn) => {
      await conn.write("+ idling\r\n");
      if (turns === 1) return undefined;
      await conn.write("* 9 EXISTS\r\n");
      await conn.readLine();
      return "$ OK done\r\n";
    },
  });
  const options = { ...PLAIN, ...ANN, port: server.port };
  const seen: string[] = [];
  let lost = 0;
  for await (const event of watchImap(options, "INBOX", { minTimeout: 1, onLost: () => lost++ })) {
    seen.push(event.type === "connected" ? `connected ${event.selected.exists}` : event.type);
    if (event.type === "exists") break;
  }
  assertEquals([seen, lost], [["connected 1", "connected 2", "exists"], 1]);
  await assertRejects(async () => {
    for await (const _ of watchImap({ ...options, password: "no" }, "INBOX"));
  }, ReplyError);
});

Deno.test("a server that knows the user already is not asked again, ESEARCH is read", async () => {
  const found: Answer = () =>
    '* ESEARCH (TAG "a1") UID ALL 4:6,9,100:4294967295\r\n$ OK done {5}\r\n';
  await using server = mailbox(
    { "UID SEARCH": found, SELECT: () => "* 5 EXISTS\r\n$ OK\r\n" },
    "IMAP4rev2",
    "* PREAUTH hi\r\n",
  );
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
  assertEquals(server.heard.some((line) => line.includes("LOGIN")), false);
  await mail.select("INBOX");
  assertEquals(await mail.search(), [4, 5, 6, 9, 100]);
});

Deno.test("the ends of a range come in any order, and what is no number is left out", async () => {
  await using server = mailbox({
    SELECT: () => "* 9 EXISTS\r\n$ OK\r\n",
    "UID SEARCH": () =>
      "* ESEARCH UID ALL 6:4,,0x10,1e1,+9,11:,:12,14:x,99999999999,8\r\n$ OK done\r\n",
    "UID COPY": () => "$ OK [COPYUID 5 3:1 11:13] x\r\n",
  }, "IMAP4rev2 UIDPLUS");
  await using mail = await connectImap({ ...PLAIN, ...ANN, port: server.port });
  await mail.select("INBOX");
  assertEquals(await mail.search(), [4, 5, 6, 8]);
  assertEquals([...await mail.copy("1:3", "Archive")], [[1, 11], [2, 12], [3, 13]]);
});

Deno.test("no secret reaches the trace or an error, whatever it holds", async () => {
  await using server = mailbox(
    { LOGIN: async (_, conn) => (await conn.readLine(), "$ NO no\r\n") },
    "IMAP4rev1 LITERAL+",
  );
  const lines: string[] = [];
  const trace = ({ text }: { text: string }) => void lines.push(text);
  const options = { ...PLAIN, port: server.port, trace };
  for (const [user, password] of [["jörg", "hunter2"], ["ann", "hunter2é"]] as const) {
    await assertRejects(() => connectImap({ ...options, user, password }), NetError);
  }
  assert(!lines.join("\n").includes("hunter2"), lines.join("\n"));
  // Not even how long it is.
  assert(!/\d bytes/.test(lines.join("\n")), lines.join("\n"));
  const error = await assertRejects(
    () => connectImap({ ...options, username: "a", password: "hunter2\n" }),
    TypeError,
  );
  assert(!error.message.includes("hunter2"));
});

Deno.test("copies are told by their numbers, however many the server claims", async () => {
  await using server = mailbox({
    SELECT: () => "* 4 EXISTS\r\n$ OK\r\n",
    "UID COPY": (line) =>
      line.includes("7") ? "$ OK [COPYUID 5 1:4294967295 9:4294967295] x\r\n" : "$ OK done\r\n",
    "UID MOVE": () =>
      "* OK [COPYUID 5 3,5:6 11:13] moved\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n$ OK done\r\n",
  }, "IMAP4rev1 UIDPLUS MOVE");
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  await mail.select("INBOX");
  assertEquals([...await mail.move([3, 5, 6], "Archive")], [[3, 11], [5, 12], [6, 13]]);
  assertEquals(mail.selected?.exists, 1);
  assertEquals([...await mail.copy(7, "Archive")], [[1, 9]]);
  assertEquals([...await mail.copy(8, "Archive")], []);
});

Deno.test("what comes of a message in two responses is one message", async () => {
  await using server = mailbox({
    "UID FETCH": () =>
      '* 1 FETCH (UID 7 BODY[1] "one")\r\n* 2 FETCH (UID 9 BODY[1] "x")\r\n' +
      '* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[2] "two")\r\n$ OK\r\n',
  });
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  const messages = await mail.fetch("7,9", { sections: ["1", "2"] });
  assertEquals(messages.map(({ uid, sections }) => [uid, [...sections.keys()]]), [
    [7, ["1", "2"]],
    [9, ["1"]],
  ]);
  assertEquals(messages[0]?.flags, ["\\Seen"]);
});

Deno.test("subscriptions are listed, and any other command can be sent, one line of it", async () => {
  for (const [capabilities, verb] of [["IMAP4rev1", "LSUB"], ["IMAP4rev2", "LIST (SUBSCRIBED)"]]) {
    const folders = () => `* ${verb!.slice(0, 4)} () "/" "a&AOQ-"\r\n$ OK\r\n`;
    await using server = mailbox({ LSUB: folders, LIST: folders }, capabilities);
    await using mail = await connectImap({ ...PLAIN, port: server.port });
    assertEquals((await mail.subscribed("a*")).map(({ name }) => name), ["aä"]);
    assert(server.heard.at(-1)!.endsWith(`${verb} "" "a*"`), server.heard.at(-1));
  }
  await using server = mailbox({
    NAMESPACE: () => '* 3 EXISTS\r\n* NAMESPACE (("" "/")) NIL NIL\r\n$ OK\r\n',
    FLY: () => "$ BAD what\r\n",
  });
  const news: ImapEvent[] = [];
  const onEvent = (event: ImapEvent) => void news.push(event);
  await using mail = await connectImap({ ...PLAIN, port: server.port, onEvent });
  const [, namespace] = await mail.command("NAMESPACE");
  assertEquals(namespace, { type: "data", name: "NAMESPACE", values: [[["", "/"]], null, null] });
  assertEquals(news, [{ type: "exists", count: 3 }]);
  assertEquals((await assertRejects(() => mail.command("FLY"), ReplyError)).code, "BAD");
  await assertRejects(() => mail.command("NOOP\r\nx LOGOUT"), TypeError);
  await mail.noop();
});

testAlone(import.meta.url, {
  name: "a message as a stream takes the memory of its pieces, however large it is",
  async fn() {
    const total = 400_000_000;
    const piece = new Uint8Array(100_000).fill(120);
    await using server = mailbox({
      "UID FETCH": async (_, conn) => {
        await conn.write(`* 1 FETCH (UID 7 BODY[] {${total}}\r\n`);
        for (let left = total; left > 0; left -= piece.length) await conn.write(piece);
        return ")\r\n$ OK done\r\n";
      },
    });
    await using mail = await connectImap({ ...PLAIN, port: server.port });
    let size = 0;
    let most = 0;
    const before = Deno.memoryUsage().rss;
    for await (const chunk of await mail.message(7)) {
      size += chunk.length;
      // What both sides have, and what is not collected yet.
      most = Math.max(most, Deno.memoryUsage().rss - before);
    }
    assertEquals(size, total);
    assert(most < total / 2, `${most} bytes more`);
    await mail.noop();
  },
});

Deno.test("a connection that is given is encrypted first, unless told otherwise", async () => {
  await using server = mailbox();
  const connection = await connectTcp({ port: server.port, lingerTimeout: 0 });
  const error = await assertRejects(
    () => connectImap({ ...ANN, connection, connectTimeout: 500 }),
    NetError,
  );
  assert(["tls", "protocol", "timeout"].includes(error.kind), error.kind);
  assertEquals(server.heard.filter((line) => line.includes("LOGIN")), []);
  connection.abort();
});

Deno.test("a command has a time in all, however lively the server is; a message has not", async () => {
  const lively = async (conn: Connection, end: string) => {
    // Each of these comes well within the time for an answer.
    for (let i = 0; i < 400 && conn.open; i++) {
      await conn.write("* OK still at it\r\n");
      await delay(5);
    }
    return end;
  };
  await using server = mailbox({
    NOOP: (_, conn) => lively(conn, "$ OK at last\r\n"),
    "UID FETCH": async (_, conn) => {
      await conn.write("* 1 FETCH (UID 1 BODY[] {10}\r\n");
      for (const byte of "0123456789") await conn.write(byte).then(() => delay(20));
      return ")\r\n$ OK done\r\n";
    },
  });
  const limits = { commandTimeout: 100, port: server.port };
  await using mail = await connectImap({ ...PLAIN, ...limits });
  assertEquals(await text(await mail.message(1)), "0123456789");
  const error = await assertRejects(() => mail.noop(), NetError, "no complete reply within 100 ms");
  assertEquals([error.kind, mail.open], ["timeout", false]);
  await assertRejects(() => connectImap({ commandTimeout: -1 }), RangeError, "commandTimeout");
});

Deno.test("responses have a bound in all, and another message is none", async () => {
  const floods: Answer[] = [
    async (_, conn) => {
      for (let i = 0; i < 200; i++) {
        await conn.write(`* SEARCH ${"1 ".repeat(5000)}\r\n`).catch(() => {});
      }
      return undefined;
    },
    () => `* 1 FETCH (${"BODY[1] {1}\r\nx ".repeat(20_000)}`,
  ];
  for (const flood of floods) {
    await using server = mailbox({ "UID SEARCH": flood });
    const mail = await connectImap({ ...PLAIN, port: server.port, maxResponse: 500_000 });
    const error = await assertRejects(() => mail.search(), NetError);
    assertEquals([error.kind, mail.open], ["limit", false]);
    await mail[Symbol.asyncDispose]();
  }
  // However short they are: each takes memory.
  for (
    const [count, short] of [[5000, "* X\r\n"], [1, `* X${" {0}\r\n".repeat(3000)}\r\n`]] as const
  ) {
    await using server = mailbox({ NAMESPACE: () => `${short.repeat(count)}$ OK done\r\n` });
    const mail = await connectImap({ ...PLAIN, port: server.port, maxResponse: 500_000 });
    assertEquals((await assertRejects(() => mail.command("NAMESPACE"), NetError)).kind, "limit");
    await mail.close();
  }
  await using server = mailbox({
    "UID FETCH": () => "* 1 FETCH (BODY[] {5}\r\nother UID 99)\r\n$ OK done\r\n",
  });
  const mail = await connectImap({ ...PLAIN, port: server.port });
  await assertRejects(async () => await text(await mail.message(7)), NetError);
  await mail[Symbol.asyncDispose]();
});

Deno.test("logout() ends, whoever has the turn: a stream or a loop that nobody reads", async () => {
  await using server = mailbox({
    "UID FETCH": async (_, conn) => {
      await conn.write("* 1 FETCH (UID 7 BODY[] {3000000}\r\n");
      return await conn.write("x".repeat(3_000_000)).then(() => ")\r\n$ OK\r\n", () => undefined);
    },
    IDLE: async (_, conn) => {
      await conn.write("+ idling\r\n* 5 EXISTS\r\n");
      return await conn.readLine() === "DONE" ? "$ OK done\r\n" : undefined;
    },
  });
  const reading = await connectImap({ ...PLAIN, port: server.port });
  const stream = await reading.message(7);
  await reading.close();
  await assertRejects(() => text(stream), NetError);
  const idling = await connectImap({ ...PLAIN, port: server.port });
  const news = idling.idle();
  assertEquals((await news.next()).value, { type: "exists", count: 5 });
  await idling.close();
  assertEquals(idling.open, false);
  await assertRejects(() => news.next(), NetError);
});

Deno.test("idle() has bounds before it begins and after, and a NO leaves the session", async () => {
  const exists = "* 1 EXISTS\r\n";
  const floods: [Answer, ConnectImapOptions, string][] = [
    [() => exists.repeat(10_000), { maxResponse: 50_000 }, "limit"],
    [() => exists.repeat(100_001), {}, "limit"],
    [
      async (_, conn) => {
        await conn.write("+ idling\r\n* 2 EXISTS\r\n");
        await conn.readLine();
        return exists.repeat(10_000);
      },
      { maxResponse: 50_000 },
      "limit",
    ],
    [
      async (_, conn) => {
        while (conn.open) await conn.write(exists).then(() => delay(5));
        return undefined;
      },
      { commandTimeout: 100 },
      "timeout",
    ],
  ];
  for (const [flood, limits, kind] of floods) {
    await using server = mailbox({ IDLE: flood });
    const mail = await connectImap({ ...PLAIN, ...limits, port: server.port });
    const error = await assertRejects(async () => {
      for await (const _ of mail.idle()) break;
    }, NetError);
    assertEquals([error.kind, mail.open], [kind, false]);
    await mail.close();
  }
  await using server = mailbox({ IDLE: () => "$ NO not now\r\n" });
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  const before = server.heard.length;
  for (const renew of [-1, NaN]) {
    assertThrows(() => mail.idle({ renew }), RangeError, "renew");
  }
  assertEquals(server.heard.length, before);
  await assertRejects(() => mail.idle({ poll: 0 }).next(), ReplyError, "not now");
  await mail.noop();
});

Deno.test("numbers that are none are not told, and a few bytes do not stand for millions", async () => {
  await using server = mailbox({
    SELECT: () =>
      "* 9999999999 EXISTS\r\n* 4294967295999 EXISTS\r\n* OK [UIDNEXT x] x\r\n* OK [UIDVALIDITY (1)] x\r\n$ OK\r\n",
    STATUS: () => "* STATUS INBOX (MESSAGES many UNSEEN -1 UIDNEXT 1e9 UIDVALIDITY 7)\r\n$ OK\r\n",
    "UID SEARCH": () => "* ESEARCH UID ALL 1:4294967295\r\n$ OK\r\n",
  });
  await using mail = await connectImap({ ...PLAIN, port: server.port });
  const { exists, uidNext, uidValidity } = await mail.select("INBOX");
  assertEquals([exists, uidNext, uidValidity], [9999999999, undefined, undefined]);
  assertEquals(await mail.status("INBOX"), { uidValidity: 7 });
  const error = await assertRejects(() => mail.search(), NetError);
  assertEquals([error.kind, mail.open], ["limit", false]);
});

Deno.test("many numbers are found at once", async () => {
  const all = Array.from({ length: 400_000 }, (_, i) => i + 1).join(" ");
  for (const answer of ["* ESEARCH UID ALL 1:400000", `* SEARCH ${all}`]) {
    await using server = mailbox({
      SELECT: () => "* 400000 EXISTS\r\n$ OK\r\n",
      "UID SEARCH": () => `${answer}\r\n$ OK\r\n`,
    });
    await using mail = await connectImap({ ...PLAIN, port: server.port });
    await mail.select("INBOX");
    const found = await mail.search();
    assertEquals([found.length, found.at(-1)], [400_000, 400_000]);
  }
});

Deno.test("an error of onEvent is told, and ends the session that it has broken", async () => {
  await using server = mailbox({ NOOP: () => "* 1 EXISTS\r\n$ OK\r\n" });
  const onEvent = () => {
    throw new TypeError("mine");
  };
  const mail = await connectImap({ ...PLAIN, port: server.port, onEvent });
  await assertRejects(() => mail.noop(), TypeError, "mine");
  assertEquals(mail.open, false);
  await mail.close();
});

Deno.test("watchImap() comes back after BYE, and refuses times that are none", async () => {
  let turns = 0;
  await using server = mailbox({
    EXAMINE: () => `* ${++turns} EXISTS\r\n$ OK done\r\n`,
    IDLE: () => "+ idling\r\n* BYE going down\r\n",
  });
  const options = { ...PLAIN, ...ANN, port: server.port };
  const seen: number[] = [];
  for await (const event of watchImap(options, "INBOX", { minTimeout: 1, maxTimeout: 2 })) {
    if (event.type === "connected" && seen.push(event.selected.exists) === 3) break;
  }
  assertEquals(seen, [1, 2, 3]);
  for (const name of ["minTimeout", "maxTimeout", "renew"]) {
    assertThrows(() => watchImap(options, "INBOX", { [name]: -1 }), RangeError, name);
  }
});

const dovecot = needsDovecot();

Deno.test({
  name:
    `Dovecot: every mechanism, folders, flags, search, fetch, move, append, IDLE${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot();
    const { ca } = await testCertificates();
    const options = { ...ANN, caCerts: [ca], timeout: 10_000 };
    const body = Array.from({ length: 20_000 }, (_, i) => `line ${i}\r\n`).join("");
    await server.deliver("ann", `Subject: first\r\nFrom: Bob <b@b.test>\r\n\r\n${body}`);
    await server.deliver(
      "ann",
      'Subject: =?UTF-8?Q?zw=C3=B6lf?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: text/plain; name="a.txt"\r\nContent-Disposition: attachment\r\n\r\ntwo\r\n--x--\r\n',
    );
    for (const mechanism of ["SCRAM-SHA-256", "PLAIN", "LOGIN", "LOGIN-COMMAND"] as const) {
      await using mail = await connectImap({ ...options, port: server.imaps, mechanism });
      assert(mail.capabilities.has("IDLE"), mechanism);
    }
    const wrong = await assertRejects(
      () => connectImap({ ...options, password: "no", port: server.imaps }),
      ReplyError,
    );
    assertEquals([wrong.code, wrong.enhanced], ["NO", "AUTHENTICATIONFAILED"]);
    await using mail = await connectImap({ ...options, tls: "starttls", port: server.imap });
    await mail.create("Entwürfe & mehr");
    assert((await mail.list()).some(({ name }) => name === "Entwürfe & mehr"));
    await mail.rename("Entwürfe & mehr", "Archiv");
    assertEquals((await mail.select("INBOX")).exists, 2);
    const all = await mail.search();
    assertEquals(all.length, 2);
    const found = await mail.fetch(all, {
      envelope: true,
      bodyStructure: true,
      flags: true,
      size: true,
      internalDate: true,
    });
    const first = found.find(({ envelope }) => envelope?.subject === "first")!;
    const other = found.find(({ uid }) => uid !== first.uid)!;
    assertEquals(first.envelope?.from, [{ name: "Bob", address: "b@b.test" }]);
    assert(first.size! > body.length && first.internalDate instanceof Date);
    assertEquals(other.bodyStructure?.parts.map(({ type, part }) => `${part} ${type}`), [
      "1 text/plain",
      "2 text/plain",
    ]);
    assertEquals(other.bodyStructure?.parts[1]?.disposition, "attachment");
    assertEquals((await text(await mail.message(first.uid!))).endsWith(body), true);
    assertEquals((await text(await mail.message(other.uid!, "2"))).trim(), "two");
    const [sections] = await mail.fetch(first.uid!, {
      sections: ["HEADER.FIELDS (SUBJECT)", "HEADER"],
    });
    assert(new TextDecoder().decode(sections?.sections.get("HEADER")!).includes("Subject: first"));
    await mail.store(first.uid!, "add", ["\\Seen", "$Important"]);
    assertEquals(await mail.search({ seen: true, keyword: "$Important" }), [first.uid]);
    assertEquals(await mail.search({ body: "line 19999", from: "bob" }), [first.uid]);
    assertEquals(await mail.search({ subject: "zwölf" }), [other.uid]);
    const moved = await mail.move(other.uid!, "Archiv");
    assertEquals([...moved.keys(), (await mail.status("Archiv")).messages], [other.uid, 1]);
    await mail.subscribe("Archiv");
    assertEquals((await mail.subscribed()).map(({ name }) => name), ["Archiv"]);
    await mail.subscribe("Archiv", false);
    const [copy] = [...(await mail.copy(first.uid!, "Archiv")).values()];
    assert(copy! > moved.get(other.uid!)!, "its copy has a number of its own");
    const [namespace] = await mail.command("NAMESPACE");
    assert(namespace?.type === "data" && namespace.name === "NAMESPACE");
    const uid = await mail.append("INBOX", "Subject: mine\r\n\r\nhi\r\n", {
      flags: ["\\Draft"],
      internalDate: new Date("2020-01-02T03:04:05Z"),
    });
    assert(uid !== undefined);
    const [mine] = await mail.fetch(uid, { internalDate: true, flags: true });
    assertEquals([mine?.internalDate?.getUTCFullYear(), mine?.flags?.includes("\\Draft")], [
      2020,
      true,
    ]);
    await mail.store(uid, "add", ["\\Deleted"]);
    await mail.expunge(uid);
    assertEquals(await mail.search({ uids: `${uid}` }), []);
    setTimeout(() => void server.deliver("ann", "Subject: new\r\n\r\n\r\n"), 200);
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 20_000);
    let heard = 0;
    for await (const event of mail.idle({ signal: stop.signal, renew: 5000 })) {
      if (event.type !== "exists" || event.count !== 2) continue;
      heard++;
      break;
    }
    clearTimeout(limit);
    assertEquals(heard, 1);
    assertEquals((await mail.search({ subject: "new" })).length, 1);
    await mail.deleteFolder("Archiv");
  },
});
