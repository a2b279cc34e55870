import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetError } from "../../net/errors.ts";
import { ReplyError } from "../../net/reply_error.ts";
import { connectSmtp, type ConnectSmtpOptions } from "../../net/smtp_client.ts";
import {
  formatSmtpPath,
  parseSmtpExtensions,
  SmtpReplyReader,
  SmtpSyntaxError,
} from "../../net/smtp_codec.ts";
import { SmtpPool } from "../../net/smtp_pool.ts";
import { testCertificates } from "../_support/certificates.ts";
import { needsPython, pythonWith } from "../_support/peers.ts";
import { startPeer } from "../_support/runnable.ts";
import { type Answer, beginTls, lineServer } from "../_support/line_server.ts";

const PLAIN: ConnectSmtpOptions = { tls: "none", allowPlaintextLogin: true, timeout: 2000 };
const ANN = { user: "ann", password: "secret" };
const ENVELOPE = { from: "ann@a.test", to: ["bob@b.test"] };

/** A server that takes everything; `mail` holds the texts as they came over the line. */
function post(
  overrides: Record<string, Answer> = {},
  extensions = ["PIPELINING", "SIZE 1000000", "8BITMIME"],
) {
  const mail: string[] = [];
  const answers: Record<string, Answer> = {
    EHLO: () =>
      `250-post.test\r\n${
        extensions.map((one, i) => `250${i === extensions.length - 1 ? " " : "-"}${one}\r\n`).join(
          "",
        )
      }`,
    MAIL: () => "250 2.1.0 ok\r\n",
    RCPT: (line) =>
      line.includes("nobody")
        ? "550 5.1.1 no such user\r\n"
        : line.includes("later")
        ? "450 4.2.1 busy\r\n"
        : "250 2.1.5 ok\r\n",
    DATA: async (_, conn) => {
      await conn.write("354 go on\r\n");
      let text = "";
      for (let line; (line = await conn.readLine()) !== null && line !== ".";) text += `${line}\n`;
      mail.push(text);
      return "250 2.0.0 queued as 42\r\n";
    },
    RSET: () => "250 ok\r\n",
    NOOP: () => "250 ok\r\n",
    QUIT: () => "221 bye\r\n",
    ...overrides,
  };
  const server = lineServer("220 post.test ESMTP\r\n", (line, conn) => {
    const answer = answers[line.split(/[ :]/)[0]!];
    return answer === undefined ? "502 what\r\n" : answer(line, conn);
  });
  return Object.assign(server, { mail });
}

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
      rejected.map(({ address, error }) => [address, error.code, error.enhanced, error.retryable]),
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
  await assertRejects(() => mail.send({ from: "", to: [] }, "x"), TypeError, "nobody");
  await assertRejects(
    () => connectSmtp({ ...PLAIN, localName: "a b", port: server.port }),
    TypeError,
  );
  assertEquals(server.heard.length, 1);
  for (
    const good of ["a@b.test", "a+b@c", '"a b"@c', "o'x@[127.0.0.1]", "a@[IPv6:::1]", "ü@ä.test"]
  ) {
    assertEquals(formatSmtpPath(good), `<${good}>`);
  }
});

Deno.test("STARTTLS: encrypted before the login, never skipped, nothing smuggled in", async () => {
  const { ca } = await testCertificates();
  const auth: Answer = (line) =>
    line === `AUTH PLAIN ${btoa("\0ann\0secret")}` ? "235 2.7.0 in\r\n" : "535 5.7.8 no\r\n";
  const starttls: Answer = (_, conn) => beginTls(conn, "220 go\r\n");
  await using server = post({ STARTTLS: starttls, AUTH: auth }, ["STARTTLS", "AUTH PLAIN LOGIN"]);
  const options = { caCerts: [ca], port: server.port, timeout: 5000 };
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
    () => connectSmtp({ ...options, user: "ann", password: "x" }),
    ReplyError,
  );
  assertEquals([wrong.code, wrong.enhanced], ["535", "5.7.8"]);
  assert(!wrong.message.includes(btoa("\0ann\0x")));
  await using without = post();
  const none = await assertRejects(() => connectSmtp({ ...ANN, port: without.port }), NetError);
  assertEquals([none.kind, without.heard.length], ["unsupported", 1]);
  await using evil = post({ STARTTLS: () => "220 go\r\n250 injected\r\n" }, ["STARTTLS"]);
  const injected = await assertRejects(
    () => connectSmtp({ ...options, port: evil.port }),
    NetError,
  );
  assertEquals(injected.kind, "protocol");
  // A certificate that nobody vouches for.
  const untrusted = await assertRejects(
    () => connectSmtp({ port: server.port, timeout: 5000 }),
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
  });
  await assertRejects(() => other.send(ENVELOPE, endless, { signal: stop.signal }), Error);
  assertEquals(other.open, false);
  await other[Symbol.asyncDispose]();
});

Deno.test("hostile servers: errors in time, and nothing goes on", async () => {
  const cases: [string, Answer, string][] = [
    ["no reply", () => "hello\r\n", "protocol"],
    ["another code in the middle", () => "250-a\r\n550 b\r\n", "protocol"],
    ["silence", () => "", "timeout"],
    ["the end", () => undefined, "truncated"],
    ["an endless line", () => "250 " + "x".repeat(100_000), "limit"],
    ["an endless reply", () => "250-x\r\n".repeat(2000), "protocol"],
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

Deno.test("replies and extensions are read, and nothing else", () => {
  const reader = new SmtpReplyReader();
  assertEquals(reader.push("250-one"), undefined);
  assertEquals(reader.push("250-2.0.0 two"), undefined);
  assertEquals(reader.push("250 three"), { code: 250, lines: ["one", "2.0.0 two", "three"] });
  assertEquals(reader.push("354"), { code: 354, lines: [""] });
  for (const line of ["", "25", "250x", "abc", "650 x", "199 x", "2500 x"]) {
    assertThrows(() => new SmtpReplyReader().push(line), SmtpSyntaxError);
  }
  const extensions = parseSmtpExtensions({
    code: 250,
    lines: ["hi", "size 10", "AUTH=LOGIN", "auth PLAIN X"],
  });
  assertEquals([...extensions], [["SIZE", ["10"]], ["AUTH", ["PLAIN", "X"]]]);
});

Deno.test("a pool keeps to its limits, and gives connections back", async () => {
  await using server = post();
  {
    await using pool = new SmtpPool({
      ...PLAIN,
      port: server.port,
      maxConnections: 2,
      maxMessages: 3,
    });
    const all = Array.from({ length: 10 }, (_, i) => pool.send(ENVELOPE, `Subject: ${i}\n\n`));
    assertEquals(pool.stats.connections, 2);
    assertEquals((await Promise.all(all)).length, 10);
  }
  assertEquals(server.mail.length, 10);
  const sessions = server.heard.filter((line) => line.startsWith("EHLO")).length;
  assert(sessions >= 4 && sessions <= 5, `${sessions}`);
  assertEquals(server.heard.filter((line) => line === "QUIT").length, sessions);
});

Deno.test("a pool tries again what is refused for now, and nothing else", async () => {
  let turn = 0;
  await using server = post({
    MAIL: (line) =>
      line.includes("never") ? "550 no\r\n" : ++turn < 3 ? "451 4.7.1 later\r\n" : "250 ok\r\n",
  });
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, minTimeout: 1 });
  await pool.send(ENVELOPE, "x");
  assertEquals(turn, 3);
  await assertRejects(() => pool.send({ ...ENVELOPE, from: "never@a.test" }, "x"), ReplyError);
  assertEquals(server.heard.filter((line) => line.includes("never")).length, 1);
  // The connection ends with the message: it may have arrived.
  let times = 0;
  await using cut = post({ DATA: () => (times++, undefined) });
  await using other = new SmtpPool({ ...PLAIN, port: cut.port, minTimeout: 1 });
  await assertRejects(() => other.send(ENVELOPE, "x"), NetError);
  assertEquals(times, 1);
});

Deno.test("a pool has a rate, a bound on what waits, and an end", async () => {
  await using server = post();
  const pool = new SmtpPool({
    ...PLAIN,
    port: server.port,
    rate: 20,
    maxConnections: 1,
    maxWaiting: 30,
  });
  const started = performance.now();
  await Promise.all(Array.from({ length: 25 }, () => pool.send(ENVELOPE, "x")));
  assert(performance.now() - started >= 200);
  const many = Array.from(
    { length: 40 },
    () => pool.send(ENVELOPE, "x").then(() => "sent", (error) => error.kind),
  );
  assertEquals((await Promise.all(many)).filter((kind) => kind === "limit").length, 9);
  await pool[Symbol.asyncDispose]();
  assertEquals((await assertRejects(() => pool.send(ENVELOPE, "x"), NetError)).kind, "closed");
  assertThrows(() => new SmtpPool({ maxConnections: 0 }), RangeError, "maxConnections");
});

const python = needsPython("aiosmtpd");

Deno.test({
  name: `aiosmtpd takes a message over STARTTLS, every byte of it${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const { good, ca } = await testCertificates();
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/cert.pem`, good.cert + good.key);
    await using peer = await startPeer(pythonWith("aiosmtpd")!, [
      "-uc",
      `
import asyncio, ssl, sys, hashlib
from aiosmtpd.smtp import SMTP, AuthResult
class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.mail_from, envelope.rcpt_tos, hashlib.sha256(envelope.original_content).hexdigest(), flush=True)
        return "250 taken"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("${folder}/cert.pem")
def auth(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"ann" and data.password == b"secret")
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), tls_context=context, require_starttls=True,
        authenticator=auth, auth_required=True, enable_SMTPUTF8=True), "127.0.0.1", 0)
    print("listening on tcp://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()
asyncio.run(main())`,
    ]);
    const message = Array.from({ length: 3000 }, (_, i) => `.${"ü".repeat(i % 50)} ${i}\r\n`).join(
      "",
    );
    {
      await using mail = await connectSmtp({
        ...ANN,
        caCerts: [ca],
        port: peer.port,
        timeout: 10_000,
      });
      assert(mail.encrypted && mail.extensions.has("SMTPUTF8"));
      await mail.send({ from: "ann@a.test", to: ["b@b.test", "jürgen@b.test"] }, message);
    }
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(message));
    const line = `ann@a.test ['b@b.test', 'jürgen@b.test'] ${new Uint8Array(digest).toHex()}`;
    await peer.until(({ stdout }) => stdout.includes(line), "the same bytes");
    await Deno.remove(folder, { recursive: true });
  },
});
