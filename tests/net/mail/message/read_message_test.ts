import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../../net/errors/errors.ts";
import { readMessage } from "../../../../net/mail/message/read_message.ts";

/** The bytes of a text, one byte a character. */
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

const read = (...lines: string[]) => readMessage(latin1(lines.join("\r\n")));

Deno.test("readMessage() decodes the header, addresses and ids", async () => {
  const message = await read(
    "From: =?utf-8?Q?M=C3=BCller=2C J?= <j@a.test>, b@b.test",
    "Sender: s@a.test",
    'To: Team: c@c.test, "D, E" <d@d.test>;, undisclosed:;',
    "Cc: f@f.test (Frank)",
    "Reply-To: r@a.test",
    "Subject: =?iso-2022-jp-ms?B?GyRCRnxLXBsoQg==?=",
    " =?utf-8?Q?really??=",
    "Date: Tue, 1 Jul 2003 10:52:37 +0200 (CEST)",
    "Message-ID: <1@a.test>",
    "In-Reply-To: <0@a.test>",
    "References: <x@a.test>\t<0@a.test>",
    "X-Other: one",
    "X-Other: two",
    "",
    "hello",
  );
  assertEquals(message, {
    headers: message.headers,
    from: [{ name: "Müller, J", address: "j@a.test" }, { address: "b@b.test" }],
    sender: { address: "s@a.test" },
    replyTo: [{ address: "r@a.test" }],
    to: [{ address: "c@c.test" }, { name: "D, E", address: "d@d.test" }],
    cc: [{ name: "Frank", address: "f@f.test" }],
    bcc: [],
    subject: "日本really?",
    date: new Date("2003-07-01T08:52:37Z"),
    messageId: "<1@a.test>",
    inReplyTo: "<0@a.test>",
    references: ["<x@a.test>", "<0@a.test>"],
    text: "hello\n",
    attachments: [],
  });
  assertEquals(message.headers.slice(-2), [
    { name: "X-Other", value: "one" },
    { name: "X-Other", value: "two" },
  ]);
});

Deno.test("readMessage() decodes the texts of all charsets of mail", async () => {
  const cases: [charset: string, bytes: string, text: string][] = [
    ["utf-8", "na\xc3\xafve", "naïve"],
    ["ISO-8859-1", "na\xefve", "naïve"],
    ["iso-2022-jp-ms", "\x1b$BF|K\\\x1b(B", "日本"],
    ["cp932", "\x93\xfa\x96\x7b", "日本"],
    ["utf-7", "na+AO8-ve", "naïve"],
    ["ibm437", "na\x8bve", "naïve"],
    ["iso-2022-kr", "\x1b$)C\x0e0!\x0f", "가"],
    // Names that say nothing, or a wrong thing.
    ["us-ascii", "na\xc3\xafve", "naïve"],
    ["unknown-8bit", "na\xefve", "naïve"],
    ["x-nowhere", "naive", "naive"],
  ];
  for (const [charset, bytes, text] of cases) {
    const type = `Content-Type: text/plain; charset="${charset}"`;
    assertEquals((await read("Subject: x", type, "", bytes)).text, `${text}\n`, charset);
    const parts = [
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      type,
      "",
      bytes,
      "--b--",
    ];
    assertEquals((await read(...parts)).text, `${text}\n`, charset);
  }
  assertEquals((await read("Subject: x", "", "na\xefve")).text, "naïve\n");
});

Deno.test("readMessage() reads headers with bytes that are not UTF-8", async () => {
  assertEquals((await read("Subject: na\xefve", "", "x")).subject, "naïve");
  assertEquals((await read("Subject: na\xc3\xafve", "", "x")).subject, "naïve");
  const type = "Content-Type: text/plain; charset=cp932";
  assertEquals((await read("Subject: \x93\xfa\x96\x7b", type, "", "\x93\xfa")).subject, "日本");
});

Deno.test("readMessage() has the names of files as their senders chose them", async () => {
  const names: [field: string, name: string | undefined][] = [
    ["filename=a.txt", "a.txt"],
    ['filename="=?utf-8?Q?=C3=BC b?=.txt"', "ü b.txt"],
    ["filename*=utf-8''%C3%BC.txt", "ü.txt"],
    ["filename*0*=utf-8''%C3; filename*1*=%BC; filename*2=.txt", "ü.txt"],
    ['filename="../../etc/passwd"', "../../etc/passwd"],
    ["x=y", undefined],
  ];
  for (const [field, name] of names) {
    const { attachments: [file] } = await read(
      "Content-Type: application/octet-stream",
      `Content-Disposition: attachment; ${field}`,
      "Content-Transfer-Encoding: base64",
      "",
      "AAEC",
    );
    assertEquals(file, {
      ...(name !== undefined && { filename: name }),
      type: "application/octet-stream",
      disposition: "attachment",
      content: new Uint8Array([0, 1, 2]),
    });
  }
});

Deno.test("readMessage() takes streams, and cancels one that is too large", async () => {
  const bytes = latin1("Subject: x\r\n\r\nhello");
  const split = ReadableStream.from([bytes.slice(0, 5), bytes.slice(5)]);
  assertEquals((await readMessage(split)).text, "hello\n");
  async function* parts() {
    yield await Promise.resolve(bytes);
  }
  assertEquals((await readMessage(parts())).subject, "x");
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytes),
    cancel: () => void (cancelled = true),
  });
  const error = await assertRejects(() => readMessage(endless, { maxSize: 1000 }), NetError);
  assertEquals([error.kind, cancelled], ["limit", true]);
  const memory = await assertRejects(() => readMessage(bytes, { maxSize: 5 }), NetError);
  assertEquals(memory.message, "Cannot read the message: it is larger than 5 bytes");
  await assertRejects(() => readMessage("x" as never), TypeError);
  await assertRejects(() => readMessage(bytes, { maxsize: 5 } as never), TypeError);
});

Deno.test("readMessage() is limited in depth, and linear in size", async () => {
  const nested = (depth: number) => {
    let text = "";
    for (let i = 0; i < depth; i++) {
      text += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
    }
    return latin1(text);
  };
  assertEquals((await readMessage(nested(90))).attachments, []);
  const deep = await assertRejects(() => readMessage(nested(200)), NetError);
  assertEquals(deep.kind, "limit");
  const huge = latin1("X: y\n".repeat(600_000));
  assertEquals((await assertRejects(() => readMessage(huge), NetError)).kind, "limit");
  const words = latin1(
    `From: ${"=?a?Q?".repeat(50_000)}\nTo: ${"=?utf-8?Q?,?= ".repeat(20_000)}\n\n`,
  );
  const { from, to } = await readMessage(words);
  assert(from.length <= 1 && to.length <= 1);
});

Deno.test("whatever a sender writes, readMessage() reads it or reports a limit", async () => {
  const bits = [
    ...[
      "From: ",
      "Subject: ",
      "Content-Type: ",
      "multipart/mixed; boundary=b",
      "text/html; charset=",
    ],
    ...[
      "Content-Transfer-Encoding: base64",
      "\r\n",
      "\n",
      "\r",
      "\0",
      "--b",
      "--b--",
      "=?utf-8?Q?",
      "?=",
    ],
    ...[
      "message/rfc822",
      "=",
      ";",
      '"',
      "<",
      ">",
      ",",
      ":",
      "(",
      ")",
      " ",
      "\t",
      "\xff",
      "utf-7",
      "+AO8",
    ],
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...bits), { maxLength: 60 }), async (some) => {
      const { headers, attachments } = await readMessage(latin1(some.join("")));
      assert(Array.isArray(headers) && Array.isArray(attachments));
    }),
    { numRuns: 300 },
  );
});

const INNER = ["From: Eve <eve@e.test>", "Subject: inner", "", "inner text"];
const FILE = ["--b", "Content-Type: application/x; name=a.bin", "", "x"];

Deno.test("readMessage() shows a message within another one, and keeps that of a report as a file", async () => {
  const rfc822 = "Content-Type: message/rfc822";
  const forwarded = await read(
    ...["Content-Type: multipart/mixed; boundary=a", "", "--a", "", "see below"],
    ...["--a", rfc822, "", ...INNER.slice(0, 2), "Content-Type: multipart/mixed; boundary=b", ""],
    ...["--b", "", "inner text", ...FILE, "--b--", "--a", "", "end", "--a--"],
  );
  assertEquals(
    forwarded.text,
    "see below\n\nFrom: Eve <eve@e.test>\nSubject: inner\n\ninner text\n\nend\n",
  );
  assertEquals(forwarded.attachments.map(({ filename }) => filename), ["a.bin"]);
  const kept: [parent: string, head: string][] = [
    ["multipart/report; report-type=delivery-status", rfc822],
    ["multipart/mixed", `${rfc822}\r\nContent-Disposition: attachment`],
  ];
  for (const [parent, head] of kept) {
    const { text, attachments } = await read(
      ...[`Content-Type: ${parent}; boundary=a`, "", "--a", "", "not delivered"],
      ...["--a", head, "", ...INNER, "--a--"],
    );
    assertEquals([text, attachments[0]!.type], ["not delivered\n", "message/rfc822"]);
    assertEquals((await readMessage(attachments[0]!.content)).subject, "inner");
  }
  const html = await read(
    ...["Content-Type: multipart/mixed; boundary=a", "", "--a", rfc822, ""],
    ...["From: e@e.test, Eve <eve@e.test>", "Date: 1 Jul 2003 10:52:37 +0200"],
    ...["Content-Type: text/html", "", "<b>a</b>", "--a--"],
  );
  assertEquals(
    html.html,
    "<div>From: e@e.test, Eve &lt;eve@e.test&gt;<br>\nDate: 2003-07-01T08:52:37.000Z</div>\n<b>a</b>\n",
  );
  assertEquals(html.text, undefined);
  let deep = latin1(INNER.join("\r\n"));
  for (let i = 0; i < 50; i++) deep = new Uint8Array([...latin1(`${rfc822}\r\n\r\n`), ...deep]);
  assertEquals((await readMessage(deep)).attachments.map(({ type }) => type), ["message/rfc822"]);
});

Deno.test("readMessage() joins flowed lines, and texts of several forms", async () => {
  const flowed = (more: string) => `Content-Type: text/plain; format=flowed${more}`;
  const lines = ["", "one ", "two", "> a ", "> b ", ">> c", "-- ", "Ann", " From"];
  assertEquals(
    (await read(flowed(""), ...lines)).text,
    "one two\n> a b \n>> c\n-- \nAnn\nFrom\n",
  );
  assertEquals((await read(flowed("; DelSp=yes"), "", "on ", "e")).text, "one\n");
  const mixed = await read(
    ...["Content-Type: multipart/mixed; boundary=a", "", "--a", "", "a < b"],
    ...["--a", "Content-Type: multipart/alternative; boundary=b", ""],
    ...["--b", "", "text", "--b", "Content-Type: text/html", "", "<b>html</b>", "--b--"],
    ...["--a", "Content-Type: text/html", "", "<i>only</i>", "--a--"],
  );
  assertEquals(mixed.text, "a < b\n\ntext\n\nonly");
  assertEquals(mixed.html, "<div>a &lt; b</div>\n<b>html</b>\n\n<i>only</i>\n");
  const twice = await read(
    ...["Content-Type: multipart/alternative; boundary=a", "", "--a", "", "one"],
    ...["--a", "Content-Type: text/x-other", "", "two", "--a", "", "three", "--a--"],
  );
  assertEquals(twice.text, "one\n\nthree\n");
  assertEquals(twice.attachments.map(({ type }) => type), ["text/x-other"]);
});

Deno.test("readMessage() reads parameters as senders write them", async () => {
  const cases: [type: string, name: string | undefined][] = [
    ["application/x; name=a(1).pdf", "a(1).pdf"],
    ["application/x (a comment; name=no); name=a.pdf", "a.pdf"],
    ['application/x; name="a;b\\"c" junk; name=second', 'a;b"c'],
    ["application/x; flag; name=a.pdf (comment)", "a.pdf"],
    ["application/x ; NAME = a.pdf ;", "a.pdf"],
    ["application/x; name=a.pdf (not closed", "a.pdf (not closed"],
    ["pdf; name=a.pdf", "a.pdf"],
    ["application/x", undefined],
  ];
  for (const [type, name] of cases) {
    const { attachments } = await read(
      `Content-Type: ${type}`,
      "Content-Disposition: inline",
      "",
      "x",
    );
    assertEquals(attachments.map(({ filename }) => filename), [name], type);
  }
  // Neither a multipart without a boundary nor a type that is none hides a text.
  assertEquals((await read("Content-Type: multipart/mixed", "", "x")).attachments.length, 1);
  assertEquals((await read("Content-Type: text", "", "x")).text, "x\n");
});
