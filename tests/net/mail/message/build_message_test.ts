import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { buildMessage, messageEnvelope } from "../../../../net/mail/message/build_message.ts";
import type { MailAttachment, MailMessage } from "../../../../net/mail/message/options.ts";
import { readMessage } from "../../../../net/mail/message/read_message.ts";

const ANN = "ann@a.test";

/** A message as text. Its lines must end with CRLF and have at most 998 bytes. */
async function built(message: MailMessage): Promise<string> {
  const text = await new Response(buildMessage(message)).text();
  assert(!/[^\r]\n|\r[^\n]/.test(text), "a line does not end with CRLF");
  for (const line of text.split("\r\n")) assert(line.length <= 998, line.slice(0, 80));
  return text;
}

/** The fields of the header, unfolded. */
function fieldsOf(text: string): string[] {
  return text.slice(0, text.indexOf("\r\n\r\n")).replace(/\r\n(?=[ \t])/g, "").split("\r\n");
}

/** Counts how the streams of attachments end. */
function watched() {
  const ends: string[] = [];
  const endless = (name: string) =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(5000)),
      cancel: (reason) => void ends.push(`${name}: ${reason}`),
    }, { highWaterMark: 0 });
  return { ends, endless };
}

Deno.test("buildMessage() writes the header that its options name", async () => {
  const text = await built({
    from: { name: 'Ann "A", <x@y>', address: ANN },
    to: ["Bob <bob@b.test>, carl@c.test", { name: "Jörg 你好", address: "j@bücher.test" }],
    cc: "Team: d@d.test, e@e.test;",
    bcc: "eve@e.test",
    replyTo: "list@a.test",
    subject: "grüße",
    date: new Date(0),
    messageId: "id@a.test",
    inReplyTo: "<1@a.test>",
    references: ["<0@a.test>", "<1@a.test>"],
    headers: { "X-Twice": ["one", "two"], "List-ID": "<l.a.test>" },
    text: "hi",
  });
  assertEquals(fieldsOf(text), [
    "X-Twice: one",
    "X-Twice: two",
    "List-ID: <l.a.test>",
    'From: "Ann \\"A\\", <x@y>" <ann@a.test>',
    "To: Bob <bob@b.test>, carl@c.test, =?UTF-8?B?SsO2cmcg5L2g5aW9?= <j@xn--bcher-kva.test>",
    "Cc: d@d.test, e@e.test",
    "Reply-To: list@a.test",
    "In-Reply-To: <1@a.test>",
    "References: <0@a.test> <1@a.test>",
    "Subject: =?UTF-8?Q?gr=C3=BC=C3=9Fe?=",
    "Message-ID: <id@a.test>",
    "Date: Thu, 01 Jan 1970 00:00:00 +0000",
    "Content-Transfer-Encoding: 7bit",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
  ]);
});

Deno.test("buildMessage() adds a date and an id, and leaves out hidden recipients", async () => {
  const text = await built({ from: ANN, to: "b@b.test", bcc: "eve@e.test", text: "x" });
  assert(/^Message-ID: <[0-9a-f-]{20,}@a\.test>\r$/m.test(text), text);
  assert(/^Date: \w{3}, \d\d \w{3} \d{4} /m.test(text), text);
  assert(!text.includes("eve"));
});

Deno.test("messageEnvelope() has each recipient once, in the form of SMTP", () => {
  const message = {
    from: "Ann <ann@a.test>",
    to: ["b@b.test", "b@b.test", "Ü <ü@bücher.test>"],
    cc: { address: "c@bücher.test" },
    bcc: ["Team: d@d.test, b@b.test;"],
  };
  assertEquals(messageEnvelope(message), {
    from: ANN,
    to: ["b@b.test", "ü@bücher.test", "c@xn--bcher-kva.test", "d@d.test"],
  });
  assertEquals(messageEnvelope({ from: ANN }), { from: ANN, to: [] });
});

Deno.test("buildMessage() rejects what would begin another field, before it reads a file", () => {
  const attachment = (more: object): Partial<MailMessage> => ({
    attachments: [{ content: "x", ...more } as MailAttachment],
  });
  const bad: Partial<MailMessage>[] = [
    { from: "a@b.c\r\nBcc: x@y.z" },
    { from: "nobody" },
    { from: "" },
    { from: [] },
    { from: { address: "a@b.c, d@e.f" } },
    { from: { address: "a@b.c>\0" } },
    { from: { address: "a@b.c", name: "x\nBcc: y" } },
    { to: "a@b.c, nobody" },
    { to: { address: "a@b.c", group: [] } as never },
    { subject: "x\r\nBcc: y@y.z" },
    { subject: "x\ry" },
    { headers: { "X\r\nBcc": "y" } },
    { headers: { "X Y": "y" } },
    { headers: { "X:": "y" } },
    { headers: { "": "y" } },
    { headers: { "X-A": "y\r\nBcc: z" } },
    { headers: { "X-A": ["y", "\0"] } },
    { headers: { "X-A": { prepared: true, value: "y\r\nBcc: z" } as never } },
    { headers: { "X-A": "y".repeat(901) } },
    ...["Bcc", "from", "Content-Type", "MIME-VERSION", "Message-ID"].map((name) => ({
      headers: { [name]: "y" },
    })),
    { date: new Date(NaN) },
    { messageId: "<a\nb>" },
    { references: ["<a>", "b\r\n"] },
    attachment({ filename: "a\r\nb" }),
    attachment({ type: "text/plain\r\nX: y" }),
    attachment({ type: "text" }),
    attachment({ type: "multipart/mixed; boundary=x" }),
    attachment({ contentId: "a>\r\nX: y" }),
    attachment({ disposition: "none" }),
    attachment({ path: "/etc/passwd" }),
    attachment({ content: { path: "/etc/passwd" } }),
    { text: { path: "/etc/passwd" } as never },
    { html: { href: "http://127.0.0.1/" } as never },
    { raw: "x" } as never,
  ];
  for (const part of bad) {
    const { ends, endless } = watched();
    const message = { from: ANN, attachments: [{ content: endless("x") }], ...part };
    assertThrows(() => buildMessage(message), TypeError, undefined, JSON.stringify(part));
    assertThrows(() => messageEnvelope(message), TypeError);
    assertEquals(ends, []);
  }
  assertThrows(
    () => buildMessage({ from: ANN, attachments: [{ content: 1 as never }] }),
    RangeError,
  );
});

Deno.test("buildMessage() gives no character of a value a meaning", async () => {
  const value = fc.string({ unit: "binary", maxLength: 60 }).filter((one) =>
    !/[\r\n\0]/.test(one) && one.isWellFormed()
  );
  await fc.assert(
    fc.asyncProperty(value, value, value, async (subject, name, filename) => {
      const text = await built({
        from: { name, address: ANN },
        to: "b@b.test",
        subject,
        text: "x",
        attachments: [{ content: "y", filename }],
      });
      const names = fieldsOf(text).map((field) => field.slice(0, field.indexOf(":")));
      const own = ["From", "To", "Subject", "Message-ID", "Date", "MIME-Version", "Content-Type"];
      assertEquals(
        names.filter((one) => one !== "Subject"),
        own.filter((one) => one !== "Subject"),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("readMessage() returns what buildMessage() was given", async () => {
  const line = fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }).filter((one) =>
    !/\p{Cc}|\p{Zs}/u.test(one) && one.isWellFormed()
  );
  await fc.assert(
    fc.asyncProperty(
      line,
      line,
      fc.array(line),
      fc.uint8Array(),
      async (subject, name, lines, bytes) => {
        const text = lines.join("\n");
        const read = await readMessage(buildMessage({
          from: { name, address: ANN },
          subject,
          text: `${text}\n`,
          attachments: [{ content: bytes, filename: name, type: "application/x-own" }],
        }));
        assertEquals(read.subject, subject);
        assertEquals(read.from, [{ name, address: ANN }]);
        assertEquals(read.text?.trimEnd(), text.trimEnd());
        const [file] = read.attachments;
        assertEquals([file?.filename, file?.type], [name, "application/x-own"]);
        assertEquals(file?.content, new Uint8Array(bytes));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a subject of encoded words stays what it is, and a long word is broken", async () => {
  for (
    const subject of ["=?utf-8?Q?x?=", "a =?utf-8?B?eA==?= b", "y".repeat(3000), "é".repeat(999)]
  ) {
    const { headers, ...read } = await readMessage(buildMessage({ from: ANN, subject, text: "x" }));
    assertEquals(read.subject, subject);
    assertEquals(headers.find(({ name }) => name === "Subject")?.value, subject);
  }
});

Deno.test("bodies and files have the structure that mail programs show", async () => {
  const text = await built({
    from: ANN,
    text: "x".repeat(2000),
    html: '<img src="cid:logo">',
    attachments: [
      { content: new Uint8Array(100_000), filename: "logo.png", contentId: "logo" },
      { content: new Blob(["blob"]) },
      { content: "Subject: inner\n\nhi", type: "message/rfc822", disposition: "attachment" },
    ],
  });
  const types = Array.from(text.matchAll(/^Content-Type: ([^;\r]+)/gm), ([, type]) => type);
  assertEquals(types, [
    "multipart/mixed",
    "multipart/alternative",
    "text/plain",
    "multipart/related",
    "text/html",
    "image/png",
    "application/octet-stream",
    "message/rfc822",
  ]);
  const { attachments, text: body, html } = await readMessage(new TextEncoder().encode(text));
  assertEquals([body, html], [`${"x".repeat(2000)}\n`, '<img src="cid:logo">\n']);
  assertEquals(
    attachments.map(({ filename, type, disposition, contentId, content }) => [
      filename,
      type,
      disposition,
      contentId,
      content.length,
    ]),
    [
      ["logo.png", "image/png", "inline", "logo", 100_000],
      ["attachment-2", "application/octet-stream", "attachment", undefined, 4],
      ["attachment-3", "message/rfc822", "attachment", undefined, 20],
    ],
  );
});

Deno.test("a file is read in its turn, and no faster than the message is", async () => {
  let produced = 0;
  let opened = false;
  async function* file() {
    opened = true;
    for (let i = 0; i < 1000; i++) {
      produced += 50_000;
      yield new Uint8Array(50_000);
    }
  }
  const message = buildMessage({ from: ANN, text: "x", attachments: [{ content: file() }] });
  await Promise.resolve();
  assertEquals(opened, false);
  let received = 0;
  for await (const chunk of message) {
    received += chunk.length;
    assert(chunk.length < 200_000, `${chunk.length}`);
    assert(produced < received + 1_000_000, `${produced} were read for ${received}`);
  }
  assertEquals(produced, 50_000_000);
  assert(received > produced * 4 / 3);
});

Deno.test("a message that is not wanted any more cancels its files", async () => {
  for (const reads of [0, 1, 6]) {
    const { ends, endless } = watched();
    const attachments = [{ content: endless("one") }, { content: endless("two") }];
    const reader = buildMessage({ from: ANN, text: "x", attachments }).getReader();
    for (let i = 0; i < reads; i++) await reader.read();
    await reader.cancel("enough");
    assertEquals(ends.map((end) => end.slice(0, 3)).sort(), ["one", "two"], `after ${reads}`);
  }
});

Deno.test("the error of a file is the error of the message", async () => {
  const { ends, endless } = watched();
  const error = new Error("mine");
  async function* broken() {
    yield await Promise.resolve(new Uint8Array(10));
    throw error;
  }
  const message = buildMessage({
    from: ANN,
    attachments: [{ content: broken() }, { content: endless("next") }],
  });
  assertEquals(await assertRejects(() => new Response(message).text()), error);
  assertEquals(ends, ["next: Error: mine"]);
  const strings = ReadableStream.from(["x"]) as unknown as ReadableStream<Uint8Array>;
  await assertRejects(
    () => new Response(buildMessage({ from: ANN, attachments: [{ content: strings }] })).text(),
    TypeError,
    "Uint8Array",
  );
});

Deno.test("a name that looks like encoded words is shown as it is", async () => {
  for (const name of ["=?utf-8?Q?admin?=", 'a "=?utf-8?B?eA==?=" <x@y.test>', "x".repeat(2000)]) {
    const message = buildMessage({
      from: { name, address: "ann@a.test" },
      cc: [{ name, address: "c@c.test" }],
    });
    const { from, cc } = await readMessage(message);
    assertEquals([from, cc], [[{ name, address: "ann@a.test" }], [{ name, address: "c@c.test" }]]);
  }
});

Deno.test("a CR alone in a text is a line ending, because servers accept no other", async () => {
  const text = await built({ from: ANN, text: "a\rb\r\nc\n", html: "<p>\r</p>" });
  assert(!/\r[^\n]|[^\r]\n/.test(text), JSON.stringify(text));
  assertEquals((await readMessage(new TextEncoder().encode(text))).text, "a\nb\nc\n\n");
});
