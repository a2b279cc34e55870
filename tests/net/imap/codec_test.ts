import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeModifiedUtf7,
  encodeModifiedUtf7,
  imapDateTime,
  imapFlag,
  imapFolderName,
  imapSearch,
  imapSet,
  imapString,
  ImapSyntaxError,
  literalSize,
  parseImapResponse,
} from "../../../net/imap/codec.ts";
import { readImapMessage } from "../../../net/imap/message.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const data = (line: string) => {
  const response = parseImapResponse([line]);
  assert(response.type === "data", response.type);
  return response;
};

Deno.test("tagged responses, remarks and the wish for more", () => {
  assertEquals(parseImapResponse(["a1 OK [UIDNEXT 7] done"]), {
    type: "tagged",
    tag: "a1",
    status: "OK",
    code: { name: "UIDNEXT", values: ["7"] },
    text: "done",
  });
  assertEquals(parseImapResponse(["a2 no bad luck"]), {
    type: "tagged",
    tag: "a2",
    status: "NO",
    text: "bad luck",
  });
  assertEquals(parseImapResponse([String.raw`* OK [PERMANENTFLAGS (\Deleted \*)] flags`]), {
    type: "status",
    status: "OK",
    code: { name: "PERMANENTFLAGS", values: [["\\Deleted", "\\*"]] },
    text: "flags",
  });
  assertEquals(parseImapResponse(["* BYE"]), { type: "status", status: "BYE", text: "" });
  assertEquals(parseImapResponse(["* OK [not a code"]), {
    type: "status",
    status: "OK",
    text: "[not a code",
    invalid: [{
      what: "code",
      text: "[not a code",
      reason: 'Expected the end of a code at 16: ""',
    }],
  });
  assertEquals(parseImapResponse(["+ go on"]), { type: "continue", text: "go on" });
  assertEquals(parseImapResponse(["+"]), { type: "continue", text: "" });
  assertEquals(parseImapResponse(["+OK"]), { type: "continue", text: "OK" });
  for (const line of ["", "a1", "a1 MAYBE x", "* ", "*", "! OK", "* 12", "* 12 ", "* (x)"]) {
    assertThrows(() => parseImapResponse([line]), ImapSyntaxError, undefined, line);
  }
});

Deno.test("names are those of ASCII in any case, and no letters that become them", () => {
  assertEquals(parseImapResponse(["* 1 exists"]), {
    type: "data",
    name: "EXISTS",
    number: 1,
    values: [],
  });
  for (const line of ["* 1 exi\u017fts", "* \u017fearch 1", "a1 o\u212a x", "* 1 ex\u0131sts"]) {
    assertThrows(() => parseImapResponse([line]), ImapSyntaxError, undefined, line);
  }
  assertEquals(data("* LIST () nil n\u0131l").values, [[], null, "n\u0131l"]);
});

Deno.test("values: atoms, NIL, quoted strings, lists within lists, literals", () => {
  assertEquals(data(String.raw`* LIST (\HasNoChildren) "/" "a \"b\" \\c"`).values, [
    ["\\HasNoChildren"],
    "/",
    'a "b" \\c',
  ]);
  assertEquals(data("* X (A NIL (B ()) nil)").values, [["A", null, ["B", []], null]]);
  assertEquals(data('* X "NIL"').values, ["NIL"]);
  assertEquals(data("* SEARCH").values, []);
  assertEquals(data("* SEARCH 1 2 ").values, ["1", "2"]);
  assertEquals(data("* 1 FETCH (BODY[HEADER.FIELDS (TO CC)]<0> NIL)").values, [
    ["BODY[HEADER.FIELDS (TO CC)]<0>", null],
  ]);
  const literal = bytes("a)\r\n(b");
  assertEquals(
    parseImapResponse(["* X (A {6}", literal, " {0}", new Uint8Array(), ") ~{1+}", bytes("z")]),
    {
      type: "data",
      name: "X",
      values: [["A", literal, new Uint8Array()], bytes("z")],
    },
  );
  for (const line of ["* X (", "* X )", '* X "a', "* X (A", `* X ${"(".repeat(200)}`]) {
    assertThrows(() => parseImapResponse([line]), ImapSyntaxError, undefined, line);
  }
  assertEquals(data("* X a\0b").values, ["a\uFFFDb"]);
});

Deno.test("the size of a literal stands at the end of a line", () => {
  const sizes = [
    "x {5}",
    "x {0}",
    "x ~{7}",
    "x {12+}",
    "{4294967296}",
    "x {}",
    "x {5} ",
    "x {-1}",
    "x",
  ];
  assertEquals(sizes.map((line) => literalSize(line)), [
    5,
    0,
    7,
    12,
    4294967296,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("the words of a status end as they like", () => {
  const first = (line: string) => literalSize(line, true);
  assertEquals(["a1 OK done {5}", "+ go {5}", "* BYE {1}", "a1 OK [A] x {5}"].map(first), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(["* OK [BADCHARSET ({5}", "* 1 FETCH (A {5}", "* LIST () NIL {5}"].map(first), [
    5,
    5,
    5,
  ]);
});

Deno.test("many literals take no more than their time", () => {
  const segments: (string | Uint8Array)[] = ["* X ("];
  for (let i = 0; i < 5000; i++) segments.push(`${"a ".repeat(800)}{1}`, new Uint8Array(1));
  segments.push(")");
  // It was quadratic once, and took half a minute: the runner's patience is the limit.
  const response = parseImapResponse(segments);
  assert(response.type === "data");
});

Deno.test("whatever a server says, it is a response or a syntax error", () => {
  const piece = fc.constantFrom(
    "* ",
    "(",
    ")",
    '"',
    "\\",
    "[",
    "]",
    "1 ",
    "FETCH ",
    "NIL",
    "{3}",
    "OK ",
    "a1 ",
    " ",
    "é",
  );
  fc.assert(fc.property(fc.array(fc.oneof(piece, fc.string())), (parts) => {
    try {
      const response = parseImapResponse([parts.join("")]);
      if (response.type === "data" && response.name === "FETCH") readImapMessage(response);
    } catch (error) {
      assert(error instanceof ImapSyntaxError, `${error}`);
    }
  }));
});

Deno.test("values are read back as they were written", () => {
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constant(null),
      fc.string({ unit: "grapheme-ascii" }),
      fc.uint8Array({ maxLength: 9 }),
      fc.array(tie("value"), { maxLength: 4 }),
    ),
  })).value;
  fc.assert(fc.property(fc.array(value), (values) => {
    const segments: (string | Uint8Array)[] = ["* X "];
    const put = (text: string) => segments[segments.length - 1] += text;
    const write = (one: unknown): void => {
      if (one === null) put("NIL");
      else if (typeof one === "string") put(`"${one.replace(/["\\]/g, "\\$&")}"`);
      else if (one instanceof Uint8Array) {
        put(`{${one.length}}`);
        segments.push(one, "");
      } else {
        put("(");
        (one as unknown[]).forEach((inner, i) => (i > 0 && put(" "), write(inner)));
        put(")");
      }
    };
    values.forEach((one, i) => (i > 0 && put(" "), write(one)));
    const response = parseImapResponse(segments);
    assert(response.type === "data");
    assertEquals(response.values, values as never);
  }));
});

Deno.test("modified UTF-7 is that of RFC 3501", () => {
  const cases = [
    ["INBOX", "INBOX"],
    ["~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"],
    ["a&b", "a&-b"],
    ["Entwürfe", "Entw&APw-rfe"],
    ["😀", "&2D3eAA-"],
  ] as const;
  for (const [plain, coded] of cases) {
    assertEquals([encodeModifiedUtf7(plain), decodeModifiedUtf7(coded)], [coded, plain]);
  }
  assertEquals(decodeModifiedUtf7("&!-&A-"), "&!-&A-");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => {
    assertEquals(decodeModifiedUtf7(encodeModifiedUtf7(name)), name);
  }));
});

Deno.test("strings cannot be anything else", () => {
  assertEquals(imapString('a "b" \\'), '"a \\"b\\" \\\\"');
  assertEquals(imapString("é"), { literal: bytes("é") });
  assertEquals(imapFolderName("é"), '"&AOk-"');
  for (const text of ["a\r\nb", "a\n", "\0"]) assertThrows(() => imapString(text), TypeError);
  assertEquals([imapFlag("\\Seen"), imapFlag("$Junk")], ["\\Seen", "$Junk"]);
  for (const flag of ["", "a b", "a)", "\\", "a\r", "é", "%"]) {
    assertThrows(() => imapFlag(flag), TypeError);
  }
  assertEquals([imapSet("1:*,5"), imapSet(7), imapSet([1, 2])], ["1:*,5", "7", "1:2"]);
  for (const set of ["", "0", "1:", "a", "1 2", "1)", []]) {
    assertThrows(() => imapSet(set), TypeError, "uids must be");
  }
  assertEquals(imapDateTime(new Date("2026-01-02T03:04:05Z")), '" 2-Jan-2026 03:04:05 +0000"');
});

Deno.test("a search is written from an object", () => {
  const write = (search: Parameters<typeof imapSearch>[0]) =>
    imapSearch(search).map((part) => typeof part === "string" ? part : `{${part.literal.length}}`)
      .join("");
  assertEquals(write({}), "ALL");
  assertEquals(write({ seen: false, from: "ann", larger: 10 }), 'UNSEEN FROM "ann" LARGER 10');
  assertEquals(
    write({ since: new Date("2026-11-03T00:00:00Z"), subject: "é" }),
    "SINCE 3-Nov-2026 SUBJECT {2}",
  );
  const day = new Date("2026-11-03T23:59:59Z");
  assertEquals(
    write({ on: day, before: day, sentSince: day, sentBefore: day, sentOn: day, bcc: "b" }),
    "ON 3-Nov-2026 BEFORE 3-Nov-2026 SENTSINCE 3-Nov-2026 SENTBEFORE 3-Nov-2026 " +
      'SENTON 3-Nov-2026 BCC "b"',
  );
  assertEquals(write({ header: ["X-A", ""], uids: "5:*" }), 'HEADER "X-A" "" UID 5:*');
  assertEquals(
    write({ not: { flagged: true }, or: [{ to: "a" }, { cc: "b" }] }),
    'NOT (FLAGGED) OR (TO "a") (CC "b")',
  );
  assertThrows(() => imapSearch({ from: "a\r\nb" }), TypeError);
  assertThrows(() => imapSearch({ larger: -1 }), RangeError);
  assertThrows(() => imapSearch({ nonsense: 1 } as never), TypeError);
});

Deno.test("messages are typed: envelope, structure, sections", () => {
  const line = String.raw`* 3 FETCH (UID 9 FLAGS (\Seen $A) RFC822.SIZE 44827 ` +
    String.raw`INTERNALDATE "17-Jul-1996 02:44:25 -0700" ` +
    String
      .raw`ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "a \"b\"" (("Terry" NIL "gray" "cac.edu")) ` +
    String.raw`NIL NIL ((NIL NIL "imap" "cac.edu")) NIL NIL NIL "<B27397@cac.edu>") ` +
    `BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)` +
    `("TEXT" "PLAIN" ("NAME" "cc.diff") "<960723163407@cac.edu>" NIL "BASE64" 4554 73 NIL ` +
    `("ATTACHMENT" ("FILENAME" "c.diff"))) "MIXED" ("BOUNDARY" "x") NIL NIL) BODY[TEXT] "hi" BODY[9] NIL)`;
  const message = readImapMessage(data(line));
  assertEquals([message.number, message.uid, message.size, message.flags], [3, 9, 44827, [
    "\\Seen",
    "$A",
  ]]);
  assertEquals(message.internalDate?.toISOString(), "1996-07-17T09:44:25.000Z");
  assertEquals([message.envelope?.subject, message.envelope?.messageId], [
    'a "b"',
    "<B27397@cac.edu>",
  ]);
  assertEquals(message.envelope?.from, [{ name: "Terry", address: "gray@cac.edu" }]);
  assertEquals(message.envelope?.to, [{ name: undefined, address: "imap@cac.edu" }]);
  const structure = message.bodyStructure!;
  assertEquals([structure.type, structure.parameters.get("boundary")], ["multipart/mixed", "x"]);
  const [text, diff] = structure.parts;
  assertEquals([text?.part, text?.type, text?.size, text?.encoding], [
    "1",
    "text/plain",
    1152,
    "7bit",
  ]);
  assertEquals([diff?.part, diff?.filename, diff?.disposition], ["2", "c.diff", "attachment"]);
  assertEquals([...message.sections], [["TEXT", bytes("hi")], ["9", null]]);
});

Deno.test("a message of parts within parts is read, however deep its sender has made it", () => {
  const text = '("TEXT" "PLAIN" NIL NIL NIL "7BIT" 2 1)';
  const envelope = `(${"NIL ".repeat(10).trim()})`;
  const nests = {
    "multipart/mixed": (inner: string) => `(${inner} "MIXED")`,
    "message/rfc822": (inner: string) =>
      `("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 9 ${envelope} ${inner} 1)`,
  };
  for (const [type, nest] of Object.entries(nests)) {
    let structure = text;
    for (let i = 0; i < 900; i++) structure = nest(structure);
    let part = readImapMessage(data(`* 1 FETCH (BODYSTRUCTURE ${structure})`)).bodyStructure!;
    let depth = 0;
    for (; part.parts.length > 0; depth++) [part = part] = part.parts;
    assertEquals([part.type, depth], [type, 100]);
  }
  for (const type of ["RFC822", "GLOBAL"]) {
    const message = (body: string) =>
      `("MESSAGE" "${type}" NIL NIL NIL "8BIT" 9 ${envelope} ${body} 3 NIL ("ATTACHMENT" ("FILENAME" "a.eml")))`;
    const parts = `(${message(text)}${message(`(${text}${text} "MIXED")`)} "MIXED")`;
    const structure = readImapMessage(data(`* 1 FETCH (BODYSTRUCTURE ${parts})`)).bodyStructure!;
    const [one, two] = structure.parts;
    assertEquals([one?.filename, one?.part, one?.parts[0]?.part], ["a.eml", "1", "1.1"]);
    assertEquals([two?.part, two?.parts[0]?.parts.map(({ part }) => part)], ["2", ["2.1", "2.2"]]);
  }
  const lists = (depth: number) => `* X ${"(".repeat(depth)}a${")".repeat(depth)}`;
  data(lists(1000));
  assertThrows(() => data(lists(1001)), ImapSyntaxError, "fewer lists");
  assertThrows(() => data(lists(300_000)), ImapSyntaxError, "fewer lists");
});
