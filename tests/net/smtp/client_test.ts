import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectSmtp, SmtpRecipientsError } from "../../../net/smtp/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type Answer, beginTls, lineServer } from "../../_support/line_server.ts";
import { ANN, ENVELOPE, PLAIN, post } from "../../_support/smtp_server.ts";

Deno.test("a message is sent, line ends made CRLF and dots doubled", async () => {
  await using server = post();
  await using mail = await connectSmtp({ ...PLAIN, port: server.port, localName: "me.test" });
  const sent = await mail.send(ENVELOPE, "Subject: hi\n\n.dot\n.\nend");
  assertEquals(sent, { accepted: ["bob@b.test"], rejected: [], text: "queued as 42" });
  assertEquals(server.mail, ["Subject: hi\n\n..dot\n..\nend\n"]);
  assertEquals(server.heard, [
    "EHLO me.test",
    "MAIL FROM:<ann@a.test> SIZE=27 BODY=8BITMIME",
    "RCPT TO:<bob@b.test>",
    "DATA",
  ]);
});

Deno.test("several messages go over one connection, also at the same time", async () => {
  await using server = post();
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  await Promise.all([1, 2, 3].map((i) => mail.send(ENVELOPE, `Subject: ${i}\n\n`)));
  assertEquals(server.mail, [1, 2, 3].map((i) => `Subject: ${i}\n\n`));
});

Deno.test("a stream of any size is sent as it comes", async () => {
  await using server = post({}, ["PIPELINING"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const line = new TextEncoder().encode(".x\r\n");
  const parts = async function* () {
    for (let i = 0; i < 5000; i++) {
      yield line.subarray(0, 1 + i % 3);
      yield line.subarray(1 + i % 3);
    }
  };
  await mail.send(ENVELOPE, parts());
  assertEquals(server.mail[0], "..x\n".repeat(5000));
});

Deno.test("who is refused is told one by one, the others get the message", async () => {
  for (const extensions of [["PIPELINING"], ["8BITMIME"]]) {
    await using server = post({}, extensions);
    await using mail = await connectSmtp({ ...PLAIN, port: server.port });
    const to = ["a@b.test", "nobody@b.test", "c@b.test", "later@b.test"];
    const { accepted, rejected } = await mail.send({ from: "", to }, "x");
    assertEquals(accepted, ["a@b.test", "c@b.test"]);
    assertEquals(
      rejected.map(({ address, error }) => [
        address,
        error.code,
        (error as ReplyError).enhanced,
        error.retryable,
      ]),
      [
        ["nobody@b.test", "550", "5.1.1", false],
        ["later@b.test", "450", "4.2.1", true],
      ],
    );
    assert(
      server.heard.includes(`MAIL FROM:<>${extensions[0] === "8BITMIME" ? " BODY=8BITMIME" : ""}`),
    );
  }
});

Deno.test("where nobody or the sender is taken nothing is sent, and the session lives", async () => {
  await using server = post({
    MAIL: (line) => line.includes("bad") ? "553 5.1.8 no\r\n" : "250 ok\r\n",
  });
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(
    () => mail.send({ ...ENVELOPE, to: ["nobody@b.test"] }, "x"),
    ReplyError,
  );
  assertEquals([error.code, error.text], ["550", "no such user"]);
  const sender = await assertRejects(
    () => mail.send({ ...ENVELOPE, from: "bad@a.test" }, "x"),
    ReplyError,
  );
  assertEquals(sender.code, "553");
  await mail.send(ENVELOPE, "y");
  assertEquals(server.mail.filter((message) => message !== ""), ["y\n"]);
});

Deno.test("where none of several is taken, each is told", async () => {
  for (const extensions of [["PIPELINING"], ["8BITMIME"]]) {
    await using server = post({}, extensions);
    await using mail = await connectSmtp({ ...PLAIN, port: server.port });
    const to = ["nobody@b.test", "later@b.test"];
    const error = await assertRejects(
      () => mail.send({ from: "", to }, "x"),
      SmtpRecipientsError,
      "Cannot send to any of 2 recipients",
    );
    assertEquals(error.rejected.map((one) => [one.address, (one.error as ReplyError).enhanced]), [
      ["nobody@b.test", "5.1.1"],
      ["later@b.test", "4.2.1"],
    ]);
    assertEquals([error.code, error.retryable], ["450", true]);
    const one = await assertRejects(
      () => mail.send({ from: "", to: to.slice(0, 1) }, "x"),
      SmtpRecipientsError,
      "Cannot send to nobody@b.test on",
    );
    assertEquals([one.code, one.enhanced, one.retryable], ["550", "5.1.1", false]);
  }
});

Deno.test("what a server takes no bytes beyond ASCII for is not sent", async () => {
  await using server = post({}, ["PIPELINING"]);
  const mail = await connectSmtp({ ...PLAIN, port: server.port });
  const whole = await assertRejects(
    () => mail.send(ENVELOPE, "Subject: x\n\nü"),
    NetError,
    "8BITMIME",
  );
  assertEquals([whole.kind, mail.open, server.heard.length], ["unsupported", true, 1]);
  await mail.send(ENVELOPE, "Subject: x\n\n=C3=BC");
  const parts = async function* () {
    yield new TextEncoder().encode("one\n");
    yield new TextEncoder().encode("zwölf\n");
  };
  const part = await assertRejects(() => mail.send(ENVELOPE, parts()), NetError, "8BITMIME");
  assertEquals([part.kind, mail.open, server.mail.filter((text) => text.includes("zw"))], [
    "unsupported",
    false,
    [],
  ]);
  await mail.close();
});

Deno.test("any other command can be sent, one line of it", async () => {
  await using server = post({ VRFY: () => "252 2.0.0 perhaps\r\n" });
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const { code, enhanced, lines } = await mail.command("VRFY ann");
  assertEquals([code, enhanced, lines], [252, "2.0.0", ["perhaps"]]);
  assertEquals((await assertRejects(() => mail.command("FLY"), ReplyError)).code, "502");
  await assertRejects(() => mail.command("NOOP\r\nQUIT"), TypeError);
  await mail.noop();
});

Deno.test("it speaks over a connection that is there already, one byte at a time", async () => {
  const [client, server] = memoryPair();
  const answers: Record<string, string> = {
    EHLO: "250-x\r\n250 PIPELINING\r\n",
    RCPT: "550 5.1.1 no\r\n",
    DATA: "554 nobody\r\n",
    QUIT: "221 bye\r\n",
  };
  const serving = (async () => {
    for (const byte of "220-hi\r\n220 x\r\n") await server.write(byte);
    for (let line; (line = await server.readLine()) !== null;) {
      const verb = line.split(/[ :]/)[0]!;
      for (const byte of answers[verb] ?? "250 ok\r\n") await server.write(byte);
      if (verb === "QUIT") break;
    }
    await server.close();
  })();
  {
    await using mail = await connectSmtp({ tls: "none", connection: client });
    const error = await assertRejects(() => mail.send(ENVELOPE, "x"), SmtpRecipientsError);
    assertEquals([error.enhanced, error.text], ["5.1.1", "no"]);
    await mail.noop();
  }
  await serving;
});

Deno.test("a server that wants a message for nobody gets an empty one, and the session lives", async () => {
  await using server = post({ RCPT: () => "550 5.1.1 no\r\n" }, ["PIPELINING"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(() => mail.send(ENVELOPE, "secret"), ReplyError);
  assertEquals([error.code, server.mail], ["550", [""]]);
  await using other = post({ DATA: () => "451 4.3.0 later\r\n" }, ["PIPELINING"]);
  await using second = await connectSmtp({ ...PLAIN, port: other.port });
  const later = await assertRejects(() => second.send(ENVELOPE, "x"), ReplyError);
  assertEquals([later.code, later.retryable], ["451", true]);
  await second.noop();
});

Deno.test("a message that is too large is not begun, one beyond ASCII only where it may be", async () => {
  await using server = post({}, ["SIZE 10"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  assertEquals(mail.maxSize, 10);
  const large = await assertRejects(() => mail.send(ENVELOPE, "x".repeat(11)), NetError);
  assertEquals([large.kind, server.heard.length], ["limit", 1]);
  const odd = await assertRejects(
    () => mail.send({ ...ENVELOPE, to: ["jürgen@b.test"] }, "x"),
    NetError,
  );
  assertEquals(odd.kind, "unsupported");
  await using utf8 = post({}, ["SMTPUTF8", "8BITMIME"]);
  await using other = await connectSmtp({ ...PLAIN, port: utf8.port });
  await other.send({ ...ENVELOPE, to: ["jürgen@b.test"] }, "x");
  assertEquals(utf8.heard[1], "MAIL FROM:<ann@a.test> BODY=8BITMIME SMTPUTF8");
});

Deno.test("domains beyond ASCII are written as every server takes them", async () => {
  await using server = post({}, ["PIPELINING"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const to = ["x@bücher.test", "y@例え.テスト", "z@plain.test", '"a b"@Ä.test'];
  const { accepted } = await mail.send({ from: "a@ß.test", to }, "Subject: x\n\nx");
  assertEquals(accepted, to);
  assertEquals(server.heard.filter((line) => /^(?:MAIL|RCPT)/.test(line)), [
    "MAIL FROM:<a@xn--zca.test>",
    "RCPT TO:<x@xn--bcher-kva.test>",
    "RCPT TO:<y@xn--r8jz45g.xn--zckzah>",
    "RCPT TO:<z@plain.test>",
    'RCPT TO:<"a b"@xn--4ca.test>',
  ]);
  // What is no domain stays as it is, and what stands before it cannot be written so.
  for (const address of ["x@ü.test/evil", "x@①.0.0.1", "ü@test", "ü@bücher.test"]) {
    const error = await assertRejects(
      () => mail.send({ from: "", to: [address] }, "x"),
      NetError,
      "SMTPUTF8",
    );
    assertEquals(error.kind, "unsupported", address);
  }
});

Deno.test("addresses that are more than that are refused before anything is sent", async () => {
  await using server = post();
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  for (
    const to of [
      "a@b>\r\nRCPT TO:<x@y",
      "a@b\n",
      "a b@c",
      "a@b,c@d",
      "<a@b>",
      "a",
      "@b",
      "a@",
      "a@b c",
      "a\0@b",
    ]
  ) {
    await assertRejects(
      () => mail.send({ from: "", to: [to] }, "x"),
      TypeError,
      "Cannot use the address",
    );
  }
  await assertRejects(
    () => mail.send({ from: "", to: [] }, "x"),
    TypeError,
    "at least one recipient",
  );
  await assertRejects(
    () => connectSmtp({ ...PLAIN, localName: "a b", port: server.port }),
    TypeError,
  );
  assertEquals(server.heard.length, 1);
});

Deno.test("STARTTLS: encrypted before the login, never skipped, nothing smuggled in", async () => {
  const { ca } = await testCertificates();
  const auth: Answer = (line) =>
    line === `AUTH PLAIN ${btoa("\0ann\0secret")}` ? "235 2.7.0 in\r\n" : "535 5.7.8 no\r\n";
  const starttls: Answer = (_, conn) => beginTls(conn, "220 go\r\n");
  await using server = post({ STARTTLS: starttls, AUTH: auth }, ["STARTTLS", "AUTH PLAIN LOGIN"]);
  const options = { caCerts: [ca], port: server.port, timeout: 30_000 };
  {
    await using mail = await connectSmtp({ ...options, ...ANN });
    assert(mail.encrypted);
    assertEquals(server.heard.map((line) => line.split(" ")[0]), [
      "EHLO",
      "STARTTLS",
      "EHLO",
      "AUTH",
    ]);
  }
  const wrong = await assertRejects(
    () => connectSmtp({ ...options, username: "ann", password: "x" }),
    ReplyError,
  );
  assertEquals([wrong.code, wrong.enhanced], ["535", "5.7.8"]);
  assert(!wrong.message.includes(btoa("\0ann\0x")));
  await using without = post();
  const none = await assertRejects(() => connectSmtp({ ...ANN, port: without.port }), NetError);
  assertEquals([none.kind, without.heard.slice(1)], ["unsupported", ["QUIT"]]);
  await using evil = post({ STARTTLS: () => "220 go\r\n250 injected\r\n" }, ["STARTTLS"]);
  const injected = await assertRejects(
    () => connectSmtp({ ...options, port: evil.port }),
    NetError,
  );
  assertEquals(injected.kind, "protocol");
  // A certificate that nobody vouches for.
  const untrusted = await assertRejects(
    () => connectSmtp({ port: server.port, timeout: 30_000 }),
    NetError,
  );
  assertEquals(untrusted.kind, "tls");
});

Deno.test("a password is not sent without encryption, LOGIN works where it is wanted", async () => {
  const auth: Answer = async (line, conn) => {
    assertEquals(line, "AUTH LOGIN");
    await conn.write(`334 ${btoa("Username:")}\r\n`);
    const user = atob(await conn.readLine() ?? "");
    await conn.write(`334 ${btoa("Password:")}\r\n`);
    return atob(await conn.readLine() ?? "") === "secret" && user === "ann"
      ? "235 in\r\n"
      : "535 no\r\n";
  };
  await using server = post({ AUTH: auth }, ["AUTH LOGIN"]);
  const plain = { ...PLAIN, ...ANN, port: server.port };
  const error = await assertRejects(
    () => connectSmtp({ ...plain, allowPlaintextLogin: false }),
    NetError,
  );
  assertEquals(error.kind, "usage");
  const lines: string[] = [];
  await using mail = await connectSmtp({ ...plain, trace: ({ text }) => void lines.push(text) });
  await mail.noop();
  assert(!lines.join().includes(btoa("secret")) && lines.includes("***"));
});

Deno.test("XOAUTH2: the token goes with the command, a refusal comes as a challenge", async () => {
  const good = btoa("user=ann\x01auth=Bearer good\x01\x01");
  const auth: Answer = async (line, conn) => {
    if (line === `AUTH XOAUTH2 ${good}`) return "235 2.7.0 in\r\n";
    await conn.write(`334 ${btoa('{"status":"401"}')}\r\n`);
    return await conn.readLine() === "" ? "535 5.7.8 no\r\n" : "501 what\r\n";
  };
  await using server = post({ AUTH: auth }, ["AUTH PLAIN XOAUTH2"]);
  const options = { ...PLAIN, port: server.port, username: "ann" };
  await using mail = await connectSmtp({ ...options, accessToken: "good" });
  await mail.noop();
  const error = await assertRejects(
    () => connectSmtp({ ...options, accessToken: "bad" }),
    ReplyError,
  );
  assertEquals([error.code, error.enhanced], ["535", "5.7.8"]);
});

Deno.test("a message that breaks off in the middle never ends as if it were whole", async () => {
  await using server = post();
  const mail = await connectSmtp({ ...PLAIN, port: server.port });
  const broken = async function* () {
    yield new TextEncoder().encode("half");
    await Promise.resolve();
    throw new Error("the file is gone");
  };
  await assertRejects(() => mail.send(ENVELOPE, broken()), Error, "the file is gone");
  assertEquals([mail.open, server.mail.filter((text) => text.endsWith(".\n"))], [false, []]);
  await mail[Symbol.asyncDispose]();
  const stop = new AbortController();
  const other = await connectSmtp({ ...PLAIN, port: server.port });
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      controller.enqueue(new Uint8Array(10));
      stop.abort(new Error("enough"));
    },
  }, { highWaterMark: 0 });
  await assertRejects(() => other.send(ENVELOPE, endless, { signal: stop.signal }), Error);
  assertEquals(other.open, false);
  await other[Symbol.asyncDispose]();
});

/** Each line is in time, the reply never is. */
const drip: Answer = async (_, conn) => {
  while (conn.open) {
    await conn.write("250-x\r\n");
    await delay(20);
  }
  return undefined;
};

Deno.test("hostile servers: errors in time, and nothing goes on", async () => {
  const cases: [string, Answer, string][] = [
    ["silence", () => "", "timeout"],
    ["the end", () => undefined, "truncated"],
    ["an endless line", () => "250 " + "x".repeat(100_000), "limit"],
    ["an endless reply", () => "250-x\r\n".repeat(2000), "protocol"],
    ["a reply that drips for ever", drip, "timeout"],
    ["good-bye", () => "421 4.3.2 closing\r\n", "reply"],
  ];
  for (const [what, noop, kind] of cases) {
    await using server = post({ NOOP: noop });
    const timeout = kind === "timeout" ? 400 : 5000;
    const mail = await connectSmtp({ ...PLAIN, port: server.port, timeout });
    const error = await assertRejects(() => mail.noop(), NetError);
    assertEquals(error.kind, kind, what);
    assertEquals(mail.open, false, what);
    await mail[Symbol.asyncDispose]();
  }
  await using busy = lineServer("554 5.7.1 go away\r\n", () => undefined);
  const refused = await assertRejects(() => connectSmtp({ ...PLAIN, port: busy.port }), ReplyError);
  assertEquals(refused.code, "554");
});

Deno.test("a server without EHLO is greeted with HELO", async () => {
  await using server = post({ EHLO: () => "502 what\r\n", HELO: () => "250 post.test\r\n" });
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  assertEquals([mail.extensions.size, mail.maxSize], [0, Infinity]);
  await mail.send(ENVELOPE, "x");
  assertEquals(server.heard[2], "MAIL FROM:<ann@a.test>");
});

Deno.test("an answer that nobody asked for is not taken for the next one", async () => {
  await using server = post({ NOOP: () => "250 ok\r\n250 and the next\r\n" });
  const mail = await connectSmtp({ ...PLAIN, port: server.port });
  await mail.noop();
  const error = await assertRejects(() => mail.send(ENVELOPE, "x"), NetError);
  assertEquals([error.kind, mail.open, server.heard.length], ["protocol", false, 2]);
  await mail[Symbol.asyncDispose]();
  // That it goes is what a server may say at any time.
  await using tired = post({ NOOP: () => "250 ok\r\n421 4.4.2 idle for too long\r\n" });
  const other = await connectSmtp({ ...PLAIN, port: tired.port });
  await other.noop();
  const gone = await assertRejects(() => other.noop(), ReplyError);
  assertEquals([gone.code, gone.retryable, other.midway], ["421", true, false]);
  await other[Symbol.asyncDispose]();
});

Deno.test("a message is given up while it waits for its turn, and the session goes on", async () => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  await using server = post({ NOOP: async () => (await held, "250 ok\r\n") });
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const before = mail.noop();
  const stop = new AbortController();
  const sending = mail.send(ENVELOPE, "x", { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => sending, Error, "enough");
  go();
  await before;
  await mail.send(ENVELOPE, "y");
  assertEquals(server.mail, ["y\n"]);
});

Deno.test("a message that never comes is given up, its source let go", async () => {
  await using server = post();
  for (const shape of ["stream", "iterable"] as const) {
    const mail = await connectSmtp({ ...PLAIN, port: server.port });
    const stop = new AbortController();
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    const never = () => (stop.abort(new Error("enough")), new Promise<never>(() => {}));
    const message = shape === "stream"
      ? new ReadableStream<Uint8Array>({ pull: never, cancel }, { highWaterMark: 0 })
      : {
        [Symbol.asyncIterator]: () => ({
          next: never,
          return: () => (cancel(), Promise.resolve({ done: true as const, value: undefined })),
        }),
      };
    await assertRejects(
      () => mail.send(ENVELOPE, message, { signal: stop.signal }),
      Error,
      "enough",
    );
    await cancelled;
    // The end of the message was not sent, so it cannot have arrived.
    assertEquals([mail.open, mail.midway], [false, false], shape);
    await assertRejects(() => mail.noop(), NetError);
    await mail[Symbol.asyncDispose]();
  }
  assertEquals(server.mail.filter((text) => text !== ""), []);
});

Deno.test("a stream that is not wanted is cancelled, a size that is none refused", async () => {
  await using server = post();
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  for (const to of ["nobody@b.test", "no address"]) {
    let cancelled = false;
    const message = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
    await assertRejects(() => mail.send({ from: "", to: [to] }, message));
    assert(cancelled, to);
  }
  for (const size of [NaN, -1, 0.5, Infinity]) {
    await assertRejects(() => mail.send(ENVELOPE, "x", { size }), RangeError, "size must be");
  }
  const size = "1\r\nRCPT TO:<x@y>" as never;
  await assertRejects(() => mail.send(ENVELOPE, "x", { size }), TypeError, "size must be");
  await mail.send(ENVELOPE, "x", { size: 0 });
});

Deno.test("a trace that throws ends the session: nobody knows where it was", async () => {
  await using server = post();
  let broken = false;
  const trace = () => {
    if (broken) throw new TypeError("no such log");
  };
  const mail = await connectSmtp({ ...PLAIN, port: server.port, trace });
  broken = true;
  await assertRejects(() => mail.send(ENVELOPE, "x"), TypeError, "no such log");
  assertEquals(mail.open, false);
  await mail[Symbol.asyncDispose]();
});
