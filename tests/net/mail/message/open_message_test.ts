import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../../net/errors/errors.ts";
import { buildMessage } from "../../../../net/mail/message/build_message.ts";
import { type MessagePart, openMessage } from "../../../../net/mail/message/open_message.ts";
import type { ReadMessageOptions } from "../../../../net/mail/message/options.ts";
import { readMessage } from "../../../../net/mail/message/read_message.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const message = (...lines: string[]) => latin1(lines.join("\r\n"));

/** Yields a message in pieces of a size. */
async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.slice(at, at + size));
  }
}

const MIXED = message(
  "Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=",
  'Content-Type: multipart/mixed; boundary="a b"',
  "",
  "a preamble",
  "--a b",
  "Content-Type: multipart/alternative; boundary=c",
  "",
  "--c",
  "Content-Type: text/plain; charset=iso-8859-1",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "gr=FC=",
  "n",
  "--c",
  "Content-Type: text/html",
  "",
  "--cc is no boundary, and neither is",
  "--c x",
  "--c-",
  "--c-- \t",
  "--a b  ",
  "Content-Type: application/octet-stream; name=x.bin",
  "Content-Transfer-Encoding: base64",
  'Content-Disposition: ATTACHMENT; filename="a\\"b;c.bin"',
  "Content-ID: <one@a.test>",
  "",
  "AAEC",
  "/w==",
  "--a b",
  "",
  "--a b--",
  "an epilogue",
  "--a b",
);

/** Reads all parts of a message. */
async function partsOf(bytes: Uint8Array, size: number) {
  await using opened = await openMessage(inPieces(bytes, size));
  const parts: unknown[] = [];
  for await (const part of opened.parts) {
    const { number, parents, type, disposition, filename, contentId } = part;
    const content = part.encoding === "base64" ? [...await part.bytes()] : await part.text();
    parts.push([number, parents.join(), type, disposition, filename, contentId, content]);
  }
  return [opened.subject, ...parts];
}

Deno.test("openMessage() yields the parts of a message, however its bytes arrive", async () => {
  const both = "multipart/mixed,multipart/alternative";
  const expected = [
    "grüße",
    ["1.1", both, "text/plain", undefined, undefined, undefined, "grün\n"],
    [
      ...["1.2", both, "text/html", undefined, undefined, undefined],
      "--cc is no boundary, and neither is\n--c x\n--c-\n",
    ],
    [
      ...[
        "2",
        "multipart/mixed",
        "application/octet-stream",
        "attachment",
        'a"b;c.bin',
        "one@a.test",
      ],
      [0, 1, 2, 255],
    ],
    ["3", "multipart/mixed", "text/plain", undefined, undefined, undefined, ""],
  ];
  for (const size of [1, 2, 3, 7, 100, 10_000]) assertEquals(await partsOf(MIXED, size), expected);
  const bare = latin1(new TextDecoder().decode(MIXED).replaceAll("\r", ""));
  for (const size of [1, 10_000]) assertEquals(await partsOf(bare, size), expected);
});

Deno.test("openMessage() decodes byte for byte, and keeps line endings", async () => {
  const bytes = message(
    "Content-Type: multipart/mixed; boundary=b",
    ...["", "--b", "Content-Type: application/x", "", "a\r\n\r\nb\rc\n", "--b", "", "last", ""],
  );
  await using opened = await openMessage(bytes);
  const contents: string[] = [];
  for await (const part of opened.parts) {
    contents.push(new TextDecoder().decode(await part.bytes()));
  }
  // The part is cut off after its last line.
  assertEquals(contents, ["a\r\n\r\nb\rc\n", "last\r\n"]);
});

Deno.test("openMessage() skips what is not read, and does not give it to others", async () => {
  await using opened = await openMessage(inPieces(MIXED, 5));
  const all: MessagePart[] = [];
  for await (const part of opened.parts) {
    all.push(part);
    if (all.length === 3) assert((await part.content.getReader().read()).value!.length > 0);
  }
  assertEquals(all.length, 4);
  await assertRejects(() => all[0]!.text(), TypeError, "before you ask for the next part");
});

Deno.test("openMessage() cancels its source, at once and in the middle", async () => {
  for (const way of ["dispose", "break"] as const) {
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(MIXED.slice(0, 300)),
      pull: (controller) => controller.enqueue(latin1("x\r\n")),
      cancel: () => void (cancelled = true),
    });
    const opened = await openMessage(endless);
    if (way === "dispose") await opened[Symbol.asyncDispose]();
    else for await (const _ of opened.parts) break;
    assert(cancelled, way);
  }
});

Deno.test("the error of a source is the error of its parts", async () => {
  async function* broken() {
    yield latin1("Subject: x\r\n\r\nhello");
    await Promise.resolve();
    throw new Error("lost");
  }
  await using opened = await openMessage(broken());
  const { value: part } = await opened.parts[Symbol.asyncIterator]().next();
  await assertRejects(() => part!.text(), Error, "lost");
  await assertRejects(
    async () => {
      for await (const _ of opened.parts);
    },
    Error,
    "lost",
  );
});

Deno.test("openMessage() limits headers, depth, parts and sizes", async () => {
  const drain = async (bytes: Uint8Array, options: ReadMessageOptions) => {
    await using opened = await openMessage(bytes, options);
    for await (const { content } of opened.parts) for await (const _ of content);
  };
  const cases: [options: ReadMessageOptions, message: string][] = [
    [{ maxHeaderSize: 300 }, "its headers are larger than 300 bytes"],
    [{ maxDepth: 1 }, "more than 1 parts are within one another"],
    [{ maxParts: 3 }, "it has more than 3 parts"],
    [{ maxSize: 500 }, "it is larger than 500 bytes"],
  ];
  for (const [options, text] of cases) {
    const error = await assertRejects(() => drain(MIXED, options), NetError);
    assertEquals([error.kind, error.message], ["limit", `Cannot read the message: ${text}`]);
  }
  await drain(MIXED, {});
  await using opened = await openMessage(MIXED);
  for await (const part of opened.parts) {
    if (part.number === "2") {
      await assertRejects(() => part.bytes({ maxSize: 3 }), NetError, "part 2");
    }
  }
  await assertRejects(() => openMessage(MIXED, { maxDeep: 1 } as never), TypeError);
  await assertRejects(() => openMessage(MIXED, { maxDepth: -1 }), RangeError);
  await assertRejects(() => openMessage("x" as never), TypeError);
});

Deno.test("a large file is read in constant memory", async () => {
  const piece = new Uint8Array(64 * 1024).fill(7);
  async function* file() {
    for (let i = 0; i < 200; i++) yield await Promise.resolve(piece);
  }
  const built = buildMessage({
    from: "a@a.test",
    text: "x",
    attachments: [{ filename: "large.bin", content: file() }],
  });
  await using opened = await openMessage(built);
  let size = 0;
  let largest = 0;
  for await (const { content, filename } of opened.parts) {
    if (filename === undefined) continue;
    for await (const chunk of content) {
      size += chunk.length;
      largest = Math.max(largest, chunk.length);
    }
  }
  assertEquals(size, 200 * piece.length);
  assert(largest <= 64 * 1024, `${largest}`);
});

Deno.test("whatever a message contains, its parts do not depend on the pieces in which it arrives", async () => {
  const bits = fc.constantFrom(
    ...["Content-Type: multipart/mixed; boundary=b", "Content-Type: multipart/x; boundary=bb"],
    ...["Content-Type: text/html", "Content-Transfer-Encoding: base64", "QUJD", "=", "=41", "\t"],
    ...["Content-Transfer-Encoding: quoted-printable", "\r\n", "\n", "\r", "--b", "--b--", "--bb"],
    ...["\r\n--b\r\n", "\n\n", "-", "--", " ", "\0", "\xff", "message/rfc822"],
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(bits, { maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      async (some, size) => {
        const bytes = latin1(some.join(""));
        const read = async (pieces: Uint8Array | AsyncIterable<Uint8Array>) => {
          const { date: _, ...rest } = await readMessage(pieces);
          return rest;
        };
        assertEquals(await read(inPieces(bytes, size)), await read(bytes));
      },
    ),
    { numRuns: 300 },
  );
});
