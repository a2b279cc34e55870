import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseImapResponse } from "../../../net/imap/codec.ts";
import { readImapMessage } from "../../../net/imap/message.ts";
import { decodeEncodedWords, decodeParameters } from "../../../net/mail/encoded_words.ts";

Deno.test("subjects are what the examples of RFC 2047 say", () => {
  const examples: [string, string][] = [
    ["=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"],
    ["=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"],
    ["=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"],
    [
      "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
      "If you can read this you understand the example.",
    ],
    ["(=?ISO-8859-1?Q?a?=)", "(a)"],
    ["(=?ISO-8859-1?Q?a?= b)", "(a b)"],
    ["(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"],
    ["(=?ISO-8859-1?Q?a_b?=)", "(a b)"],
    ["(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"],
  ];
  for (const [written, meant] of examples) assertEquals(decodeEncodedWords(written), meant);
});

Deno.test("subjects are read as senders write them, and left alone where they are none", () => {
  const cases: [string, string][] = [
    ["=?utf-8*de?q?gr=C3=BC=c3=9fe?=, you", "grüße, you"],
    // A character cut in two.
    ["=?UTF-8?B?8J+U?= =?utf-8?B?kQ==?=", "🔑"],
    ["=?iso-2022-jp?B?GyRCJDMbKEI=?= x =?gb2312?B?xOM=?=", "こ x 你"],
    ["=?utf-8?Q?a=0D=0ABcc:_x=1B[31m?=", "a��Bcc: x�[31m"],
    ["=?utf-8?Q?50=ZZ_=?=", "50=ZZ ="],
    ...["=?x-none?Q?a=20b?= =?x-none?Q?c?=", "=?utf-8?B?!?=", "=?utf-8?X?a?="]
      .map((same): [string, string] => [same, same]),
    ...["=?", "=??Q??=", "a =?utf-8?Q?b", "", "plain  text"].map((same): [string, string] => [
      same,
      same,
    ]),
    ["=?x-none?Q?a?= =?utf-8?Q?b?=", "=?x-none?Q?a?=b"],
    // A charset is a token: a no-break space ends none.
    ["=?utf-8\u00a0?Q?a?=", "=?utf-8\u00a0?Q?a?="],
  ];
  for (const [written, meant] of cases) assertEquals(decodeEncodedWords(written), meant);
});

Deno.test("words that are written a little wrong are read all the same", () => {
  const cases: [string, string][] = [
    ["=?utf-8?Q?a b?=", "a b"],
    ["=?utf-8?Q?really??=", "really?"],
    ["=?utf-8?Q??=", ""],
    ["=?utf-8?B??= x", " x"],
    ["=?utf-8?B?aGVsbG8==?=", "hello"],
    ["=?utf-8?B?aGVsbG8?=", "hello"],
    ["=?utf-8?B?aGVs bG8=?=", "hello"],
    ["=?utf-8?B?aGVs\r\n bG8=?=", "hello"],
    ["=?utf-8?B?aGk=aGk=?=", "hihi"],
    ["=?utf-8?B?aGVsbG8A?=", "hello\uFFFD"],
    ["=?utf-8?B?aGVsb?=", "hel"],
    ["=?utf-8?Q?naïve=21?=", "naïve!"],
    ["=?iso-8859-1?Q?na=EFve ï?= =?iso-8859-1?Q?_=EF?=", "naïve ï ï"],
    ["=?utf-8?Q?a=2?=", "a=2"],
    ["=?utf-8?Q?open =?utf-8?Q?b?=", "=?utf-8?Q?open b"],
    ["=?cp932?B?h0CT+pZ7jOo=?=", "①日本語"],
    ["=?iso-2022-jp-ms?B?GyRCRnxLXBsoQg==?=", "日本"],
    ["=?utf-7?Q?na+AO8-ve?=", "naïve"],
    ["=?ibm437?Q?na=8Bve?=", "naïve"],
    ["=?unknown-8bit?Q?na=EFve?=", "naïve"],
    ["=?us-ascii?Q?na=C3=AFve?=", "naïve"],
    ["=?x-unknown?B?bmHDr3Zl?=", "naïve"],
  ];
  for (const [written, meant] of cases) assertEquals(decodeEncodedWords(written), meant);
});

Deno.test("parameters are what the examples of RFC 2231 say", () => {
  const read = (...pairs: [string, string][]) => Object.fromEntries(decodeParameters(pairs));
  assertEquals(
    read(
      ["access-type", "URL"],
      ["url*0", "ftp://"],
      ["url*1", "cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"],
    ),
    {
      "access-type": "URL",
      url: "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar",
    },
  );
  assertEquals(
    read(["title*", "us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"]),
    { title: "This is ***fun***" },
  );
  assertEquals(
    read(
      ["title*0*", "us-ascii'en'This%20is%20even%20more%20"],
      ["title*1*", "%2A%2A%2Afun%2A%2A%2A%20"],
      ["title*2", "isn't it!"],
    ),
    { title: "This is even more ***fun*** isn't it!" },
  );
  // The plain one is for those who know no better; what has no beginning is nothing.
  assertEquals(
    read(["name*2", "c"], ["name*0*", "utf-8''%C3"], ["name*1*", "%BC"], ["name", "u"], [
      "x*1",
      "",
    ]),
    { name: "üc" },
  );
  assertEquals(read(["a*", "x-none''%20"], ["b*", "%C3%BC_"], ["c*1x", "y"]), {
    a: "x-none''%20",
    b: "ü_",
    "c*1x": "y",
  });
});

Deno.test("subjects give any text back however it is cut, and no rubbish breaks it", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((one) => !/\p{Cc}/u.test(one));
  const word = (bytes: Uint8Array, quoted: boolean) =>
    quoted
      ? `=?utf-8?q?${[...bytes].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join("")}?=`
      : `=?UTF-8?B?${bytes.toBase64()}?=`;
  fc.assert(fc.property(text, fc.nat(), fc.boolean(), fc.boolean(), (given, at, first, second) => {
    const bytes = new TextEncoder().encode(`x${given}`);
    const cut = at % bytes.length;
    const words = [word(bytes.slice(0, cut), first), word(bytes.slice(cut), second)];
    assertEquals(decodeEncodedWords(words.join("\r\n\t")), `x${given}`);
  }));
  const bits = ["=?", "?=", "?", "utf-8", "Q", "B", "=", "_", " ", "AA==", "ü", "*", "\r\n", "%C3"];
  fc.assert(fc.property(fc.array(fc.constantFrom(...bits)), (some) => {
    decodeEncodedWords(some.join(""));
    decodeParameters([[`${some.join("")}*`, some.join("")], ["a*0*", some.join("")]]);
  }));
});

Deno.test("envelopes and names of files are what people wrote", () => {
  const address = '(("=?utf-8?Q?J=C3=B6rg?= X" NIL "j" "b.test"))';
  const envelope = `("d" "=?utf-8?B?w7xiZXI=?= alles" ${address} NIL NIL NIL NIL NIL NIL NIL)`;
  const structure = '("TEXT" "PLAIN" ("NAME" "=?utf-8?Q?=C3=BC=1B?=") NIL NIL "7BIT" 1 1)' +
    '("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1 NIL ("ATTACHMENT" ("FILENAME*0*" "utf-8\'\'%C3" "FILENAME*1*" "%9F.txt")))' +
    ' "MIXED"';
  const response = parseImapResponse([
    `* 1 FETCH (ENVELOPE ${envelope} BODYSTRUCTURE (${structure}))`,
  ]);
  const message = readImapMessage(response);
  assertEquals(message.envelope?.subject, "über alles");
  assertEquals(message.envelope?.from, [{ name: "Jörg X", address: "j@b.test" }]);
  const names = message.bodyStructure!.parts.map(({ filename }) => filename!);
  assertEquals(names, ["ü�", "ß.txt"]);
  // deno-lint-ignore no-control-regex -- what a terminal would obey
  assert(!/[\x00-\x1f]/.test(names.join()));
});
