import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  formatSmtpPath,
  parseSmtpExtensions,
  type SmtpReply,
  SmtpReplyReader,
  SmtpSyntaxError,
} from "../../../net/smtp/codec.ts";

Deno.test("replies and extensions are read, and nothing else", () => {
  const reader = new SmtpReplyReader();
  assertEquals(reader.push("250-one"), undefined);
  assertEquals(reader.push("250-2.0.0 two"), undefined);
  assertEquals(reader.push("250 three"), { code: 250, lines: ["one", "2.0.0 two", "three"] });
  const extensions = parseSmtpExtensions({
    code: 250,
    lines: ["hi", "size 10", "AUTH=LOGIN", "auth PLAIN X"],
  });
  assertEquals([...extensions], [["SIZE", ["10"]], ["AUTH", ["LOGIN", "PLAIN", "X"]]]);
});

Deno.test("any three digits are a code, and that of the last line counts", () => {
  const cases: [lines: string[], reply: SmtpReply][] = [
    [["354"], { code: 354, lines: [""] }],
    [["571 5.7.1 no"], { code: 571, enhanced: "5.7.1", lines: ["no"] }],
    [["199 x"], { code: 199, lines: ["x"] }],
    [["000 x"], { code: 0, lines: ["x"] }],
    [["999-a", "999"], { code: 999, lines: ["a", ""] }],
    [["220**"], { code: 220, lines: ["**"] }],
    [["250\tok"], { code: 250, lines: ["ok"] }],
    [["550-a", "551 b"], { code: 551, lines: ["a", "b"] }],
    [["250-a", "550 b"], { code: 550, lines: ["a", "b"] }],
    [["550-5.1.1 a", "550-", "550-b", "550 5.1.1"], {
      code: 550,
      enhanced: "5.1.1",
      lines: ["a", "", "b", ""],
    }],
    // An enhanced code of another class is text.
    [["250 5.1.1 is the version"], { code: 250, lines: ["5.1.1 is the version"] }],
  ];
  for (const [lines, reply] of cases) {
    const reader = new SmtpReplyReader();
    for (const line of lines.slice(0, -1)) assertEquals(reader.push(line), undefined);
    assertEquals([reader.push(lines.at(-1)!), reader.state], [reply, "empty"], lines.join());
  }
});

Deno.test("a line without a code is text of the reply that it stands in or before", () => {
  const reader = new SmtpReplyReader();
  assertEquals([reader.push("welcome"), reader.state], [undefined, "text"]);
  assertEquals([reader.push("2500 users"), reader.push("")], [undefined, undefined]);
  assertEquals([reader.push("220-2.0.0 hi"), reader.state], [undefined, "reply"]);
  // Within a reply a number may begin the text.
  assertEquals([reader.push("100% free"), reader.push("250x")], [undefined, undefined]);
  assertEquals(reader.flush(), undefined);
  assertEquals(reader.push("220 2.0.0 go"), {
    code: 220,
    enhanced: "2.0.0",
    lines: ["welcome", "2500 users", "", "hi", "100% free", "250x", "go"],
    textLines: 3,
  });
  assertEquals([reader.state, reader.flush()], ["empty", undefined]);
  reader.push("no such");
  reader.push("user");
  assertEquals(reader.flush(), { code: 0, lines: ["no such", "user"] });
  for (const line of ["text", "250-x"]) {
    const endless = new SmtpReplyReader();
    assertThrows(() => {
      for (;;) endless.push(line);
    }, SmtpSyntaxError);
  }
});

Deno.test("blanks are SP and HTAB, and letters those of ASCII", () => {
  const lines = [
    "hi",
    "\tsize\t10 ",
    " auth=login",
    "\u017ftarttls",
    "\u00a0SMTPUTF8",
    "X a\u00a0b",
  ];
  assertEquals([...parseSmtpExtensions({ code: 250, lines })], [
    ["SIZE", ["10"]],
    ["AUTH", ["login"]],
    ["\u017fTARTTLS", []],
    ["\u00a0SMTPUTF8", []],
    ["X", ["a\u00a0b"]],
  ]);
});

Deno.test("replies are put together from any lines that they may have", () => {
  const code = fc.integer({ min: 200, max: 999 });
  const text = fc.string({ unit: "grapheme" }).filter((one) =>
    !/[\r\n]/.test(one) && !/^[245]\.\d/.test(one)
  );
  fc.assert(fc.property(code, fc.array(text, { minLength: 1, maxLength: 20 }), (code, lines) => {
    const reader = new SmtpReplyReader();
    for (const line of lines.slice(0, -1)) assertEquals(reader.push(`${code}-${line}`), undefined);
    assertEquals(reader.push(`${code} ${lines.at(-1)}`), { code, lines });
    // Nothing is left for the next one.
    assertEquals(reader.push("250 2.0.0 ok"), { code: 250, enhanced: "2.0.0", lines: ["ok"] });
  }));
});

Deno.test("whatever a server says, it is a reply or a syntax error", () => {
  const lines = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.tuple(
      fc.integer({ min: 100, max: 999 }),
      fc.constantFrom("", " ", "-", "\t", "-5.1.1 ", " 2.0.0"),
      fc.string({ maxLength: 10 }),
    ).map((parts) => parts.join("")),
  );
  fc.assert(fc.property(fc.array(lines), (all) => {
    const reader = new SmtpReplyReader();
    for (const line of all) {
      try {
        const reply = reader.push(line);
        if (reply === undefined) continue;
        assert(reply.code >= 0 && reply.code <= 999 && reply.lines.length > 0);
        parseSmtpExtensions(reply);
      } catch (error) {
        assert(error instanceof SmtpSyntaxError, String(error));
        return;
      }
    }
  }));
});

Deno.test("an address is one path and nothing else, or none", () => {
  for (
    const good of [
      "postmaster",
      "Postmaster",
      "a@b.test",
      "a+b@c",
      '"a b"@c',
      "o'x@[127.0.0.1]",
      "a@[IPv6:::1]",
      "ü@ä.test",
    ]
  ) {
    assertEquals(formatSmtpPath(good), `<${good}>`);
  }
  const part = fc.string({ unit: "binary" });
  fc.assert(fc.property(part, part, (user, host) => {
    for (const mailbox of [`${user}@${host}`, `"${user}"@${host}`]) {
      let path;
      try {
        path = formatSmtpPath(mailbox);
      } catch (error) {
        assert(error instanceof TypeError);
        continue;
      }
      assertEquals(path, `<${mailbox}>`);
      assert(!/[<>\p{Cc}]/u.test(mailbox), JSON.stringify(mailbox));
    }
  }));
});
