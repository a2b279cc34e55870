import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  formatSmtpPath,
  parseSmtpExtensions,
  SmtpReplyReader,
  SmtpSyntaxError,
} from "../../../net/smtp/codec.ts";

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
  const code = fc.integer({ min: 200, max: 559 }).filter((one) => one % 100 < 60);
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
    fc.stringMatching(/^[2-5][0-5][0-9][ -]?([245]\.[0-9]\.[0-9])?.{0,10}$/),
  );
  fc.assert(fc.property(fc.array(lines), (all) => {
    const reader = new SmtpReplyReader();
    for (const line of all) {
      try {
        const reply = reader.push(line);
        if (reply === undefined) continue;
        assert(reply.code >= 200 && reply.code < 560 && reply.lines.length > 0);
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
    const good of ["a@b.test", "a+b@c", '"a b"@c', "o'x@[127.0.0.1]", "a@[IPv6:::1]", "ü@ä.test"]
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
