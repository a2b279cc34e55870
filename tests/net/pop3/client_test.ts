import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import {
  connectPop3,
  type ConnectPop3Options,
  type Pop3Client,
  Pop3RetrieveError,
} from "../../../net/pop3/client.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";
import { type Answer, beginTls, lineServer } from "../../_support/line_server.ts";

const MESSAGE = "Subject: hi\r\n\r\n.dot\r\n..\r\nend\r\n";
const SENT = "+OK\r\nSubject: hi\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n";

/** A maildrop with two messages. */
function maildrop(overrides: Record<string, Answer> = {}, capabilities = "USER\r\nUIDL\r\n") {
  const answers: Record<string, Answer> = {
    CAPA: () => `+OK\r\n${capabilities}.\r\n`,
    USER: () => "+OK\r\n",
    PASS: (line) => line === "PASS secret" ? "+OK\r\n" : "-ERR [AUTH] wrong\r\n",
    STAT: () => "+OK 2 320\r\n",
    LIST: () => "+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n",
    UIDL: () => "+OK\r\n1 abc\r\n2 d.e\r\n.\r\n",
    RETR: (line) => line === "RETR 1" ? SENT : "-ERR no such message\r\n",
    TOP: () => "+OK\r\nSubject: hi\r\n\r\n.\r\n",
    DELE: () => "+OK\r\n",
    RSET: () => "+OK\r\n",
    NOOP: () => "+OK\r\n",
    QUIT: () => "+OK bye\r\n",
    ...overrides,
  };
  return lineServer("+OK ready\r\n", (line, conn) => {
    const answer = answers[line.split(" ")[0]!];
    return answer === undefined ? "-ERR what\r\n" : answer(line, conn);
  });
}

const PLAIN: ConnectPop3Options = { tls: "none", allowPlaintextLogin: true, timeout: 30_000 };
const ANN = { username: "ann", password: "secret" };

async function read(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

Deno.test("a session: login, sizes, names, a message, deletion", async () => {
  await using server = maildrop();
  const mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port });
  assertEquals(await mail.stat(), { count: 2, size: 320 });
  assertEquals(await mail.list(), [{ number: 1, size: 120 }, { number: 2, size: 200 }]);
  assertEquals(await mail.uids(), [{ number: 1, uid: "abc" }, { number: 2, uid: "d.e" }]);
  assertEquals(await read(await mail.retrieve(1)), MESSAGE);
  assertEquals(await read(await mail.top(1, 0)), "Subject: hi\r\n\r\n");
  await mail.delete(1);
  await mail.noop();
  await mail.quit();
  await mail.quit();
  assertEquals(server.heard, [
    ...["CAPA", "USER ann", "PASS secret", "CAPA", "STAT", "LIST", "UIDL", "RETR 1", "TOP 1 0"],
    ...["DELE 1", "NOOP", "QUIT"],
  ]);
});

Deno.test("without quit() nothing is deleted: the marks are taken back", async () => {
  await using server = maildrop();
  {
    await using mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port });
    await mail.delete(1);
  }
  assertEquals(server.heard.slice(-3), ["DELE 1", "RSET", "QUIT"]);
  const thrown = await assertRejects(async () => {
    await using mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port });
    await mail.delete(2);
    throw new Error("mine");
  }, Error);
  assertEquals(thrown.message, "mine");
  assertEquals(server.heard.slice(-2), ["RSET", "QUIT"]);
});

Deno.test("a refusal has its code, and the session lives", async () => {
  await using server = maildrop({ STAT: () => "-ERR [SYS/TEMP] later\r\n" });
  await using mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port });
  const missing = await assertRejects(() => mail.retrieve(9), ReplyError);
  assertEquals([missing.code, missing.text, missing.retryable], ["-ERR", "no such message", false]);
  const later = await assertRejects(() => mail.stat(), ReplyError);
  assertEquals([later.enhanced, later.retryable], ["SYS/TEMP", true]);
  assertEquals((await mail.list()).length, 2);
  const wrong = await assertRejects(
    () => connectPop3({ ...PLAIN, username: "ann", password: "x", port: server.port }),
    ReplyError,
  );
  assertEquals(wrong.enhanced, "AUTH");
  assert(!wrong.message.includes("x "));
});

Deno.test("calls at the same time wait for each other, also for a message to be read", async () => {
  await using server = maildrop();
  await using mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port });
  const [message, stat] = await Promise.all([
    mail.retrieve(1).then(read),
    mail.stat(),
    mail.noop(),
  ]);
  assertEquals([message, stat.count], [MESSAGE, 2]);
  const stream = await mail.retrieve(1);
  let done = false;
  const waiting = mail.noop().then(() => done = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(done, false);
  await stream.cancel();
  await waiting;
});

Deno.test("many messages come in their order, asked for ahead where the server can", async () => {
  for (const capabilities of ["UIDL\r\n", "PIPELINING\r\n"]) {
    await using server = maildrop({
      RETR: (line) => line === "RETR 13" ? "-ERR gone\r\n" : `+OK\r\n..${line}\r\n.\r\n`,
    }, capabilities);
    await using mail = await connectPop3({ ...PLAIN, port: server.port });
    const numbers = Array.from({ length: 100 }, (_, i) => i + 100);
    const seen: string[] = [];
    for await (const { number, data } of mail.retrieveAll(numbers)) {
      seen.push(`${number} ${new TextDecoder().decode(data)}`);
    }
    assertEquals(seen, numbers.map((number) => `${number} .RETR ${number}\r\n`));
    for await (const { number } of mail.retrieveAll(numbers)) if (number === 105) break;
    assertEquals((await mail.stat()).count, 2);
    // The other messages come first, and then the reason for those that are missing.
    const some: number[] = [];
    const refused = await assertRejects(async () => {
      for await (const { number } of mail.retrieveAll([12, 13, 14, 13, 15])) some.push(number);
    }, Pop3RetrieveError);
    assertEquals([some, refused.text, refused.code], [[12, 14, 15], "gone", "-ERR"]);
    assertEquals(refused.failures.map(({ number }) => number), [13, 13]);
    assertStringIncludes(refused.failures[0]!.error.message, "Cannot retrieve message 13");
    assertEquals((await mail.stat()).count, 2);
  }
});

Deno.test("a message that is too large is left out, and the session goes on", async () => {
  for (const capabilities of ["UIDL\r\n", "PIPELINING\r\n"]) {
    await using server = maildrop({
      RETR: (line) =>
        line === "RETR 5"
          ? "-ERR gone\r\n"
          : `+OK\r\n${"x".repeat(Number(line.slice(5)))}\r\n.\r\n`,
    }, capabilities);
    await using mail = await connectPop3({ ...PLAIN, port: server.port });
    const numbers = [1, 99, 2, 98, 97, 3];
    const read = async (all: readonly number[]) => {
      const found: number[] = [];
      const error = await assertRejects(async () => {
        for await (const { number } of mail.retrieveAll(all, { maxSize: 20 })) found.push(number);
      }, NetError);
      return { found, error };
    };
    const { found, error } = await read(numbers);
    assertEquals([found, error.kind], [[1, 2, 3], "limit"]);
    assertMatch(
      error.message,
      /message 99 .*: it has 101 bytes, .* is 20; messages 98, 97 are too/,
    );
    const one = (await read([98])).error;
    assertMatch(one.message, /message 98 from .*: it has 100 bytes, and maxSize is 20$/);
    const both = (await read([...numbers, 5])).error;
    assert(both instanceof Pop3RetrieveError);
    assertEquals(both.failures.map(({ number }) => number), [99, 98, 97, 5]);
    assertEquals((await mail.stat()).count, 2);
  }
});

Deno.test("any other command can be sent, one line of it", async () => {
  const lang: Answer = (line) =>
    line === "LANG" ? "+OK two\r\nen English\r\n..x\r\n.\r\n" : "+OK en\r\n";
  await using server = maildrop({ LANG: lang });
  await using mail = await connectPop3({ ...PLAIN, port: server.port });
  assertEquals(await mail.command("LANG en"), { text: "en", lines: [] });
  const all = await mail.command("LANG", { multiline: true });
  assertEquals(all, { text: "two", lines: ["en English", ".x"] });
  await assertRejects(() => mail.command("FLY"), ReplyError);
  await assertRejects(() => mail.command("NOOP\r\nDELE 1"), TypeError);
  await mail.noop();
});

Deno.test("others go between many messages, the loop itself too", async () => {
  for (const capabilities of ["UIDL\r\n", "PIPELINING\r\n"]) {
    await using server = maildrop({
      RETR: (line) => line === "RETR 113" ? "-ERR gone\r\n" : `+OK\r\n..${line}\r\n.\r\n`,
    }, capabilities);
    await using mail = await connectPop3({ ...PLAIN, port: server.port });
    const numbers = Array.from({ length: 100 }, (_, i) => i + 1);
    const seen: number[] = [];
    let pinged: Promise<void> | undefined;
    for await (const { number, data } of mail.retrieveAll(numbers)) {
      assertEquals(new TextDecoder().decode(data), `.RETR ${number}\r\n`);
      // The very thing to do with what has been read.
      if (number % 2 === 0) await mail.delete(number);
      if (number === 51) pinged = mail.noop();
      seen.push(number);
    }
    await pinged;
    assertEquals(seen, numbers);
    const deleted = server.heard.filter((line) => line.startsWith("DELE"));
    assertEquals(deleted, numbers.slice(0, 50).map((number) => `DELE ${2 * number}`));
    // Left in the middle, or failing, with others waiting.
    const left: Promise<void>[] = [];
    for await (const _ of mail.retrieveAll(numbers)) if (left.push(mail.noop()) === 2) break;
    await assertRejects(async () => {
      for await (const _ of mail.retrieveAll([112, 113, 114])) left.push(mail.noop());
    }, ReplyError);
    await Promise.all(left);
    assertEquals((await mail.stat()).count, 2);
  }
});

Deno.test("a password is not sent without encryption, unless that is asked for", async () => {
  await using server = maildrop();
  const error = await assertRejects(
    () => connectPop3({ ...PLAIN, ...ANN, allowPlaintextLogin: false, port: server.port }),
    NetError,
  );
  assertEquals(error.kind, "usage");
  assert(server.heard.every((line) => !line.includes("ann") && !line.includes("secret")));
});

Deno.test("STLS: encrypted before the login, capabilities asked again, never skipped", async () => {
  const { ca } = await testCertificates();
  const stls: Answer = (_, conn) => beginTls(conn, "+OK begin\r\n");
  await using server = maildrop({ STLS: stls }, "STLS\r\nUSER\r\n");
  {
    await using mail = await connectPop3({
      ...ANN,
      tls: "starttls",
      caCerts: [ca],
      port: server.port,
    });
    assert(mail.encrypted);
    assertEquals(server.heard.slice(0, 5), ["CAPA", "STLS", "CAPA", "USER ann", "PASS secret"]);
  }
  await using without = maildrop();
  const error = await assertRejects(
    () => connectPop3({ ...ANN, tls: "starttls", port: without.port }),
    NetError,
  );
  assertEquals(error.kind, "unsupported");
  assertEquals(without.heard, ["CAPA", "QUIT"]);
  // What is smuggled in behind the agreement ends it.
  await using evil = maildrop({ STLS: () => "+OK\r\n+OK injected\r\n" }, "STLS\r\n");
  const injected = await assertRejects(
    () => connectPop3({ ...ANN, tls: "starttls", caCerts: [ca], port: evil.port }),
    NetError,
  );
  assertEquals(injected.kind, "protocol");
});

Deno.test("SASL: PLAIN when the server asks for it, and a challenge that is none", async () => {
  const auth: Answer = async (line, conn) => {
    assertEquals(line, "AUTH PLAIN");
    await conn.write("+ \r\n");
    const answer = await conn.readLine();
    return answer === btoa("\0ann\0secret") ? "+OK\r\n" : "-ERR [AUTH] no\r\n";
  };
  await using server = maildrop({ AUTH: auth }, "SASL PLAIN LOGIN\r\n");
  await using mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port });
  assertEquals((await mail.stat()).count, 2);
  await assertRejects(
    () => connectPop3({ ...PLAIN, username: "ann", password: "wrong", port: server.port }),
    ReplyError,
  );
});

Deno.test("the trace shows the dialogue without secrets", async () => {
  await using server = maildrop();
  const lines: string[] = [];
  const trace = ({ from, text }: { from: string; text: string }) =>
    void lines.push(`${from} ${text}`);
  await using mail = await connectPop3({ ...PLAIN, ...ANN, trace, port: server.port });
  await mail.noop();
  assert(lines.includes("client PASS ***") && lines.includes("server +OK ready"));
  assert(!lines.join().includes("secret"));
});

Deno.test("bad arguments are refused before anything is sent, and the session lives", async () => {
  await using server = maildrop();
  await using mail = await connectPop3({ ...PLAIN, port: server.port });
  for (const user of ["a\r\nDELE 1", "a\0", "a\n"]) {
    await assertRejects(() => mail.login({ user, password: "x" }), TypeError);
  }
  await assertRejects(() => mail.retrieve(0), RangeError);
  await assertRejects(() => mail.delete(1.5), RangeError);
  await mail.noop();
  assertEquals(server.heard, ["CAPA", "NOOP"]);
  await assertRejects(() => mail.top(1, -1), RangeError);
});

Deno.test("lists are as long as a maildrop may be, and no longer; a list of nothing but drips ends", async () => {
  let count = 1_000_000;
  const lines = () => {
    let text = "+OK\r\n";
    for (let i = 1; i <= count; i++) text += `${i} u\r\n`;
    return `${text}.\r\n`;
  };
  await using server = maildrop({ UIDL: lines });
  const mail = await connectPop3({ ...PLAIN, timeout: 20_000, port: server.port });
  const uids = await mail.uids();
  assertEquals([uids.length, uids.at(-1)], [count, { number: count, uid: "u" }]);
  count++;
  assertEquals((await assertRejects(() => mail.uids(), NetError)).kind, "protocol");
  await mail[Symbol.asyncDispose]();
  await using dripping = maildrop({
    CAPA: async (_, conn) => {
      await conn.write("+OK\r\n");
      while (conn.open) {
        await conn.write("X\r\n");
        await delay(20);
      }
      return undefined;
    },
  });
  const late = await assertRejects(
    () => connectPop3({ ...PLAIN, timeout: 200, port: dripping.port }),
    NetError,
  );
  assertEquals(late.kind, "timeout");
});

Deno.test("an answer that nobody asked for is not taken for the next one", async () => {
  await using server = maildrop({ NOOP: () => "+OK\r\n+OK 0 0\r\n" });
  const mail = await connectPop3({ ...PLAIN, port: server.port });
  await mail.noop();
  assertEquals((await assertRejects(() => mail.stat(), NetError)).kind, "protocol");
  await mail[Symbol.asyncDispose]();
});

Deno.test("hostile servers: errors in time, and nothing goes on", async () => {
  const cases: [string, Record<string, Answer>, string][] = [
    ["no status", { STAT: () => "HELLO\r\n" }, "protocol"],
    ["silence", { STAT: () => "" }, "timeout"],
    ["the end", { STAT: () => undefined }, "truncated"],
    ["an endless line", { STAT: () => "+OK " + "x".repeat(100_000) }, "limit"],
  ];
  for (const [what, answers, kind] of cases) {
    await using server = maildrop(answers);
    const timeout = kind === "timeout" ? 400 : 5000;
    const mail = await connectPop3({ ...PLAIN, port: server.port, timeout });
    const error = await assertRejects(() => mail.stat(), NetError);
    assertEquals(error.kind, kind, what);
    await assertRejects(() => mail.noop(), NetError);
    await mail[Symbol.asyncDispose]();
  }
  for (const rest of ["+OK\r\nhalf", "+OK\r\ntext\r\n.\r\nmore\r\n"]) {
    await using server = maildrop({
      RETR: async (_, conn) => {
        await conn.write(rest);
        return undefined;
      },
    });
    const mail = await connectPop3({ ...PLAIN, port: server.port });
    const stream = await mail.retrieve(1);
    const error = await assertRejects(() => read(stream), NetError);
    assert(["truncated", "protocol"].includes(error.kind));
    await mail[Symbol.asyncDispose]();
  }
});

Deno.test("a signal ends the session at any time", async () => {
  await using server = maildrop({ STAT: () => "", RETR: () => "+OK\r\nSubject: hi\r\n" });
  const reason = new DOMException("enough", "TimeoutError");
  const waits: ((mail: Pop3Client) => Promise<unknown>)[] = [
    (mail) => mail.stat(),
    async (mail) => await new Response(await mail.retrieve(1)).text(),
    async (mail) => await Array.fromAsync(mail.retrieveAll([1])),
  ];
  for (const wait of waits) {
    const stop = new AbortController();
    const mail = await connectPop3({ ...PLAIN, port: server.port, signal: stop.signal });
    const waiting = wait(mail);
    stop.abort(reason);
    assertEquals(await assertRejects(() => waiting), reason);
    // Later calls have the same reason, and the end is harmless.
    assertEquals(await assertRejects(() => mail.noop()), reason);
    await mail.close();
  }
});

Deno.test("it speaks over a connection that is there already, one byte at a time", async () => {
  const [client, server] = memoryPair();
  const serving = (async () => {
    for (const byte of "+OK\r\n") await server.write(byte);
    for (let line; (line = await server.readLine()) !== null;) {
      const answer = line === "RETR 1" ? SENT : line === "CAPA" ? "-ERR\r\n" : "+OK\r\n";
      for (const byte of answer) await server.write(byte);
      if (line === "QUIT") break;
    }
    await server.close();
  })();
  {
    await using mail = await connectPop3({ tls: "none", connection: client });
    assertEquals(await read(await mail.retrieve(1)), MESSAGE);
    assertEquals(mail.capabilities.size, 0);
  }
  await serving;
});

const dovecot = needsDovecot();

Deno.test({
  name:
    `Dovecot: both ways to encrypt, every mechanism, a message whole, deletion${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot();
    const { ca } = await testCertificates();
    const body = Array.from({ length: 2000 }, (_, i) => `.line ${i}\r\n`).join("");
    const message = `Subject: first\r\nFrom: a@a.test\r\n\r\n${body}`;
    await server.deliver("ann", message);
    await server.deliver("ann", "Subject: second\r\n\r\n..\r\n.\r\n");
    const tls = { ...ANN, caCerts: [ca], timeout: 10_000 };
    const mechanisms = ["SCRAM-SHA-256", "PLAIN", "LOGIN", "USER"] as const;
    for (const mechanism of mechanisms) {
      await using mail = await connectPop3({ ...tls, port: server.pop3s, mechanism });
      assertEquals((await mail.stat()).count, 2, mechanism);
    }
    const wrong = await assertRejects(
      () => connectPop3({ ...tls, password: "no", port: server.pop3s, mechanism: "SCRAM-SHA-256" }),
      ReplyError,
    );
    assertEquals(wrong.code, "-ERR");
    {
      await using mail = await connectPop3({ ...tls, tls: "starttls", port: server.pop3 });
      assert(mail.encrypted && mail.capabilities.has("UIDL"));
      assertEquals(new Set((await mail.uids()).map(({ uid }) => uid)).size, 2);
      const texts = [await read(await mail.retrieve(1)), await read(await mail.retrieve(2))];
      assert(texts.includes(message));
      assert(texts.includes("Subject: second\r\n\r\n..\r\n.\r\n"));
      await mail.delete(1);
    }
    const mail = await connectPop3({ ...tls, port: server.pop3s });
    assertEquals((await mail.list()).length, 2, "what was not ended by quit() is still there");
    await mail.delete(1);
    await mail.quit();
    await using last = await connectPop3({ ...tls, port: server.pop3s });
    assertEquals((await last.list()).length, 1);
  },
});

Deno.test("a given connection that cannot be encrypted is ended, and nobody listens any more", async () => {
  const [client, server] = memoryPair();
  const { signal } = new AbortController();
  const listening = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener(...[type, listener, options]: Parameters<typeof addEventListener>) {
      listening.add(listener);
      addEventListener.call(signal, type, listener, options);
    },
    removeEventListener(...[type, listener]: Parameters<typeof removeEventListener>) {
      listening.delete(listener);
      removeEventListener.call(signal, type, listener);
    },
  });
  await server.write("+OK no TLS here\r\n");
  await assertRejects(() => connectPop3({ connection: client, signal }), NetError);
  assert(!client.open);
  assertEquals(listening.size, 0);
  server.abort();
});

Deno.test("odd lines of lists are read or skipped, and the session goes on", async () => {
  await using server = maildrop({
    LIST: () => "+OK\r\n\r\n 1 120\r\n\t2\t200\t\r\nnone\r\n3\r\n4 -1\r\n5 1 x\n.\r\n",
    UIDL: () => "\r\n+OK\r\n1\tabc\r\n\r\n 2  d e\r\n3 \r\n4\r\n.\n",
    STAT: () => "+OK many\r\n",
  });
  await using mail = await connectPop3({ ...PLAIN, port: server.port });
  assertEquals(await mail.list(), [
    { number: 1, size: 120 },
    { number: 2, size: 200 },
    { number: 3, size: 0 },
    { number: 4, size: 0 },
    { number: 5, size: 1 },
  ]);
  assertEquals(await mail.uids(), [
    { number: 1, uid: "abc" },
    { number: 2, uid: "d e" },
    { number: 3, uid: "" },
    { number: 4, uid: "" },
  ]);
  assertEquals((await assertRejects(() => mail.stat(), NetError)).kind, "protocol");
  await mail.noop();
});

Deno.test("a server whose lines end with LF alone is understood, and only that one", async () => {
  await using bare = maildrop({ RETR: () => "+OK\na\n..b\n.\n", LIST: () => "+OK\n1 2\n.\n" });
  {
    await using mail = await connectPop3({ ...PLAIN, port: bare.port });
    assertEquals(await mail.list(), [{ number: 1, size: 2 }]);
    assertEquals(await read(await mail.retrieve(1)), "a\r\n.b\r\n");
    const all = await Array.fromAsync(mail.retrieveAll([1, 1]));
    assertEquals(all.map(({ data }) => new TextDecoder().decode(data)), [
      "a\r\n.b\r\n",
      "a\r\n.b\r\n",
    ]);
  }
  // In the text of another server, a dot after LF is part of the message.
  await using usual = maildrop({ RETR: () => "+OK\r\na\n.\n+OK forged\r\n.\r\n" });
  await using mail = await connectPop3({ ...PLAIN, port: usual.port });
  assertEquals(await read(await mail.retrieve(1)), "a\n.\n+OK forged\r\n");
  await mail.noop();
});

Deno.test("UTF8 is asked for before the login, unless the server or the option refuses", async () => {
  for (
    const [answer, utf8, asked] of [["+OK", true, true], ["-ERR", true, true], [
      "+OK",
      false,
      false,
    ]] as const
  ) {
    await using server = maildrop({ UTF8: () => `${answer}\r\n` }, "USER\r\nUTF8 USER\r\n");
    await using mail = await connectPop3({ ...PLAIN, ...ANN, utf8, port: server.port });
    assertEquals(mail.utf8, asked && answer === "+OK");
    const start = ["CAPA", ...(asked ? ["UTF8"] : []), "USER ann"];
    assertEquals(server.heard.slice(0, start.length), start);
  }
});

Deno.test("languages are listed and selected", async () => {
  const lang: Answer = (line) =>
    line === "LANG"
      ? "+OK\r\nen English\r\n\r\nde\tDeutsch\r\n.\r\n"
      : line === "LANG de"
      ? "+OK de Sprache\r\n"
      : "-ERR [UNSUPPORTED] no\r\n";
  await using server = maildrop({ LANG: lang });
  await using mail = await connectPop3({ ...PLAIN, port: server.port });
  assertEquals(await mail.languages(), [
    { tag: "en", description: "English" },
    { tag: "de", description: "Deutsch" },
  ]);
  assertEquals(await mail.setLanguage("de"), "de Sprache");
  await assertRejects(() => mail.setLanguage("xx"), ReplyError);
  await assertRejects(() => mail.setLanguage("de\r\nDELE 1"), TypeError);
});

Deno.test("many headers and many deletions take as few round trips as the server allows", async () => {
  for (const capabilities of ["UIDL\r\n", "PIPELINING\r\n"]) {
    await using server = maildrop({
      TOP: (line) => `+OK\r\n${line}\r\n.\r\n`,
      DELE: (line) => line === "DELE 7" ? "-ERR gone\r\n" : "+OK\r\n",
    }, capabilities);
    const mail = await connectPop3({ ...PLAIN, port: server.port });
    const numbers = Array.from({ length: 70 }, (_, i) => i + 1);
    const heads = await Array.fromAsync(mail.topAll(numbers, { lines: 2 }));
    assertEquals(
      heads.map(({ number, data }) => `${number} ${new TextDecoder().decode(data)}`),
      numbers.map((number) => `${number} TOP ${number} 2\r\n`),
    );
    const refused = await mail.deleteAll(numbers);
    assertEquals(refused.map(({ number, error }) => [number, error.text]), [[7, "gone"]]);
    assertEquals(server.heard.filter((line) => line.startsWith("DELE")).length, 70);
    await mail[Symbol.asyncDispose]();
    assertEquals(server.heard.slice(-2), ["RSET", "QUIT"]);
  }
});

Deno.test("a cancelled message that never ends does not keep other calls waiting", async () => {
  await using server = maildrop({
    RETR: async (_, conn) => {
      await conn.write("+OK\r\n");
      while (conn.open) {
        await conn.write("x");
        await delay(10);
      }
      return undefined;
    },
  });
  await using mail = await connectPop3({ ...PLAIN, ...ANN, port: server.port, timeout: 200 });
  await (await mail.retrieve(1)).cancel();
  assertEquals(mail.open, false);
});

Deno.test("APOP ignores a time stamp that is no message id (RFC 1939 §7)", async () => {
  for (const stamp of ["<1@\xe9>", "<1\x01@a.test>", "<1 2@a.test>"]) {
    await using server = lineServer(
      `+OK ${stamp}\r\n`,
      (line) => line === "CAPA" ? "-ERR\r\n" : "+OK\r\n",
    );
    const options = { ...PLAIN, ...ANN, port: server.port, mechanism: "APOP" } as const;
    const error = await assertRejects(() => connectPop3(options), NetError);
    assertEquals([error.kind, server.heard], ["unsupported", ["CAPA", "QUIT"]]);
  }
});
