import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import type { SendMailOptions, SmtpEnvelope } from "../../../net/smtp/options.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type Answer, beginTls } from "../../_support/line_server.ts";
import { ENVELOPE, PLAIN, post } from "../../_support/smtp_server.ts";

/** Takes the chunks of messages; gives the bytes of each message. */
function chunkServer(extensions: string[], refuse?: (chunk: string) => string | undefined) {
  const messages: string[] = [];
  let text = "";
  const bdat: Answer = async (line, conn: Connection) => {
    const [, size = "", last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
    const bytes = Number(size) === 0 ? new Uint8Array() : await conn.readExact(Number(size));
    const chunk = new TextDecoder("latin1").decode(bytes);
    const no = refuse?.(chunk);
    if (no !== undefined) return no;
    text += chunk;
    if (last !== undefined) messages.push(text);
    if (last !== undefined) text = "";
    return "250 2.0.0 ok\r\n";
  };
  const rset: Answer = () => (text = "", "250 ok\r\n");
  return Object.assign(post({ BDAT: bdat, RSET: rset }, extensions), { messages });
}

const heard = ({ heard }: { heard: string[] }, verb: RegExp) =>
  heard.filter((one) => verb.test(one));

Deno.test("requests for reports are parameters of MAIL and RCPT", async () => {
  await using server = post({}, ["DSN", "SMTPUTF8", "8BITMIME"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const to = [
    "bob@b.test",
    { address: "eve@b.test", notify: [], originalRecipient: "e+v=e@b.test" },
    {
      address: "ann@b.test",
      notify: ["delay"],
      originalRecipient: "änn@b.test",
      parameters: { X: true },
    },
  ] as const;
  const { accepted } = await mail.send({ from: "ann@a.test", to }, "Subject: x\n\nx", {
    notify: ["success", "failure"],
    returnContent: "headers",
    envelopeId: "id 1+2=3",
    parameters: { "MT-PRIORITY": "3" },
  });
  assertEquals(accepted, ["bob@b.test", "eve@b.test", "ann@b.test"]);
  assertEquals(heard(server, /^(?:MAIL|RCPT)/), [
    "MAIL FROM:<ann@a.test> BODY=8BITMIME RET=HDRS ENVID=id+201+2B2+3D3 MT-PRIORITY=3",
    "RCPT TO:<bob@b.test> NOTIFY=SUCCESS,FAILURE",
    "RCPT TO:<eve@b.test> NOTIFY=NEVER ORCPT=rfc822;e+2Bv+3De@b.test",
    "RCPT TO:<ann@b.test> NOTIFY=DELAY ORCPT=utf-8;\\x{E4}nn@b.test X",
  ]);
});

Deno.test("a server that lacks a requested extension gets no message", async () => {
  await using server = post({}, ["8BITMIME", "CHUNKING"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const requests: [SendMailOptions, SmtpEnvelope, string][] = [
    [{ notify: [] }, ENVELOPE, "DSN"],
    [{ returnContent: "full" }, ENVELOPE, "DSN"],
    [{ envelopeId: "x" }, ENVELOPE, "DSN"],
    [{}, { from: "", to: [{ address: "a@b.test", originalRecipient: "x@y.test" }] }, "DSN"],
    [{ transfer: "binary" }, ENVELOPE, "BINARYMIME"],
    [{ requireTls: true }, ENVELOPE, "requireTls"],
  ];
  for (const [options, envelope, name] of requests) {
    const error = await assertRejects(() => mail.send(envelope, "x", options), NetError, name);
    assertEquals([error.kind, mail.open], ["unsupported", true]);
  }
  assertEquals(server.heard.length, 1);
  await mail.send(ENVELOPE, "x", { requireTls: false });
});

Deno.test("parameters and addresses cannot add commands", async () => {
  await using server = post({}, ["DSN"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const wrong: Record<string, string | true>[] = [
    { "X\r\nRSET": true },
    { X: "a\r\nRSET" },
    { X: "a b" },
    { X: "a=b" },
    { "": true },
    { SIZE: "1" },
    { body: "7BIT" },
    { X: 1 as never },
    { X: false as never },
  ];
  for (const parameters of wrong) {
    await assertRejects(() => mail.send(ENVELOPE, "x", { parameters }), TypeError, "parameters");
    const to = [{ address: "a@b.test", parameters: { NOTIFY: "NEVER" } }];
    await assertRejects(() => mail.send({ from: "", to }, "x"), TypeError, "parameters");
  }
  for (const originalRecipient of ["a\nb", "", "x".repeat(400)]) {
    const to = [{ address: "a@b.test", originalRecipient }];
    await assertRejects(() => mail.send({ from: "", to }, "x"), TypeError, "originalRecipient");
  }
  await assertRejects(
    () => mail.send(ENVELOPE, "x", { envelopeId: "a\r\nb" }),
    TypeError,
    "envelopeId",
  );
  await assertRejects(
    () => mail.send({ ...ENVELOPE, from: "postmaster" }, "x"),
    TypeError,
    "domain",
  );
  assertEquals(server.heard.length, 1);
});

Deno.test("chunks have CRLF line endings and no dots, binary messages all of their bytes", async () => {
  await using server = chunkServer(["PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SIZE 0"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const text = "Subject: x\n\n.\r\n..two\rend";
  await mail.send(ENVELOPE, text, { transfer: "chunks" });
  const bytes = new Uint8Array([0, 10, 13, 255, 46, 10]);
  await mail.send(ENVELOPE, bytes, { transfer: "binary" });
  assertEquals(server.messages, [
    "Subject: x\r\n\r\n.\r\n..two\r\nend\r\n",
    "\0\n\r\u00ff.\n",
  ]);
  assertEquals(heard(server, /^(?:MAIL|BDAT|DATA)/), [
    "MAIL FROM:<ann@a.test> SIZE=27 BODY=8BITMIME",
    "BDAT 29 LAST",
    "MAIL FROM:<ann@a.test> SIZE=6 BODY=BINARYMIME",
    "BDAT 6 LAST",
  ]);
});

Deno.test("a stream is sent in large chunks, and one that fails leaves the session in order", async () => {
  await using server = chunkServer(["CHUNKING"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const part = new Uint8Array(100_000).fill(120);
  const parts = async function* (fails = false) {
    for (let i = 0; i < 25; i++) yield part;
    if (fails) throw new RangeError("the file is gone");
  };
  await mail.send(ENVELOPE, parts(), { transfer: "chunks" });
  const broken = mail.send(ENVELOPE, parts(true), { transfer: "chunks" });
  await assertRejects(() => broken, RangeError, "the file is gone");
  assertEquals([mail.open, mail.midway], [true, false]);
  await mail.send(ENVELOPE, "last", { transfer: "chunks" });
  assertEquals(server.messages.map(({ length }) => length), [2_500_002, 6]);
  assertEquals(heard(server, /^(?:BDAT|RSET)/), [
    "BDAT 1100000",
    "BDAT 1100000",
    "BDAT 300002 LAST",
    "BDAT 1100000",
    "BDAT 1100000",
    "RSET",
    "BDAT 6 LAST",
  ]);
});

Deno.test("a chunk that is refused ends the message, and the session goes on", async () => {
  const refuse = (chunk: string) => chunk.includes("bad") ? "552 5.3.4 too large\r\n" : undefined;
  await using server = chunkServer(["CHUNKING"], refuse);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const parts = async function* () {
    yield new TextEncoder().encode("bad".repeat(500_000));
    yield new TextEncoder().encode("more");
  };
  for (const message of [parts(), "bad"]) {
    const error = await assertRejects(
      () => mail.send(ENVELOPE, message, { transfer: "chunks" }),
      NetError,
    );
    assertEquals([error.code, mail.open], ["552", true]);
  }
  await mail.send(ENVELOPE, "good", { transfer: "chunks" });
  assertEquals(server.messages, ["good\r\n"]);
});

Deno.test("SMTPUTF8 is declared if the header needs it, and only then", async () => {
  await using server = post({}, ["SMTPUTF8", "8BITMIME"]);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const latin1 = new Uint8Array([83, 58, 32, 252, 10, 10]);
  const drip = (text: string) =>
    async function* () {
      for (const byte of new TextEncoder().encode(text)) yield new Uint8Array([byte]);
    }();
  const cases: [string | Uint8Array | AsyncIterable<Uint8Array>, boolean][] = [
    ["Subject: grün\n\nx", true],
    ["Subject: x\r\n\r\ngrün", false],
    ["Subject: x\r\rgrün", false],
    ["\ngrün", false],
    // A header in another charset is not UTF-8.
    [latin1, false],
    [drip("Subject: x\r\nTo: grün <a@b.test>\r\n\r\nx"), true],
    [drip("Subject: x\r\n\r\ngrün"), false],
    [drip("Subject: grün"), true],
  ];
  for (const [message, isUtf8] of cases) {
    server.heard.length = 0;
    await mail.send(ENVELOPE, message);
    const [sender] = heard(server, /^MAIL/);
    assertEquals(sender!.endsWith(" SMTPUTF8"), isUtf8, `${message}`);
  }
  assertEquals(server.mail.at(-2), "Subject: x\n\ngrün\n");
  assertEquals(server.mail.at(-1), "Subject: grün\n");
  // The source fails before anything was sent.
  const broken = async function* () {
    yield new TextEncoder().encode("Subject: ");
    throw new RangeError("the file is gone");
  };
  await assertRejects(() => mail.send(ENVELOPE, broken()), RangeError, "the file is gone");
  await mail.noop();
});

Deno.test("LMTP has a result for each recipient", async () => {
  const data: Answer = async (_, conn) => {
    await conn.write("354 go on\r\n");
    for (let line; (line = await conn.readLine()) !== null && line !== ".";);
    return "250 2.1.5 a has it\r\n552 5.2.2 b is full\r\n250 c has it\r\n";
  };
  await using server = post({ LHLO: () => "250-x\r\n250 PIPELINING\r\n", DATA: data }, []);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port, protocol: "lmtp" });
  const to = ["a@b.test", "b@b.test", "nobody@b.test", "c@b.test"];
  const { accepted, rejected, text } = await mail.send({ from: "", to }, "x");
  assertEquals([accepted, text], [["a@b.test", "c@b.test"], "a has it\nc has it"]);
  assertEquals(rejected.map(({ address, error, sent }) => [address, error.code, sent]), [
    ["nobody@b.test", "550", "no"],
    ["b@b.test", "552", "no"],
  ]);
  await mail.noop();
  assert(server.heard[0]!.startsWith("LHLO "));
});

Deno.test("LMTP: replies that do not come are told from those that came", async () => {
  const data: Answer = async (_, conn) => {
    await conn.write("354 go on\r\n");
    for (let line; (line = await conn.readLine()) !== null && line !== ".";);
    await conn.write("250 a has it\r\n");
    return undefined;
  };
  await using server = post({ LHLO: () => "250 x\r\n", DATA: data }, []);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port, protocol: "lmtp" });
  const { accepted, rejected } = await mail.send({ from: "", to: ["a@b.test", "b@b.test"] }, "x");
  assertEquals(accepted, ["a@b.test"]);
  assertEquals(rejected.map(({ address, error, sent }) => [address, error.kind, sent]), [
    ["b@b.test", "truncated", "maybe"],
  ]);
  assertEquals(mail.open, false);
});

Deno.test("REQUIRETLS is sent over TLS only, to servers that offer it", async () => {
  const { ca } = await testCertificates();
  const starttls: Answer = (_, conn) => beginTls(conn, "220 go\r\n");
  await using server = post({ STARTTLS: starttls }, ["STARTTLS", "REQUIRETLS"]);
  await using mail = await connectSmtp({ caCerts: [ca], port: server.port, timeout: 30_000 });
  await mail.send(ENVELOPE, "x", { requireTls: true });
  assertEquals(heard(server, /^MAIL/), ["MAIL FROM:<ann@a.test> REQUIRETLS"]);
});
