import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  parsePop3Capabilities,
  parsePop3Challenge,
  parsePop3Language,
  parsePop3Numbers,
  parsePop3Status,
  parsePop3Uid,
} from "../../../net/pop3/codec.ts";

Deno.test("status lines, numbers and names are read, and nothing else", () => {
  assertEquals(parsePop3Status("+OK"), { ok: true, text: "" });
  assertEquals(parsePop3Status("+ok  x"), { ok: true, text: "x" });
  assertEquals(parsePop3Status("-ERR [in-use] x"), { ok: false, code: "IN-USE", text: "x" });
  for (const line of ["", "OK", "+OKAY", "*OK", "\u00a0+OK"]) {
    assertEquals(parsePop3Status(line), undefined);
  }
  assertEquals(parsePop3Numbers("1 20 more"), { number: 1, size: 20 });
  for (const line of ["", "a 1", "-1 1", "1e5 1", "12345678901 1"]) {
    assertEquals(parsePop3Numbers(line), undefined);
    assertEquals(parsePop3Uid(line), undefined);
  }
  assertEquals(parsePop3Uid("3 a.b-c"), { number: 3, uid: "a.b-c" });
  assertEquals([parsePop3Challenge("+"), parsePop3Challenge("+ YQ=="), parsePop3Challenge("+OK")], [
    "",
    "YQ==",
    undefined,
  ]);
});

Deno.test("blanks at the ends, tabs, and missing values are accepted", () => {
  assertEquals(parsePop3Status(" \t+OK\t[X]\ty"), { ok: true, code: "X", text: "y" });
  for (const line of [" 1 20", "\t1\t20\t", "1  20 octets"]) {
    assertEquals(parsePop3Numbers(line), { number: 1, size: 20 });
  }
  for (const line of ["1", "1 ", "1 -1", "1 1e5", "1 x"]) {
    assertEquals(parsePop3Numbers(line), { number: 1, size: 0 });
  }
  for (const line of ["3\ta", " 3  a", "\t3 a \t"]) {
    assertEquals(parsePop3Uid(line), { number: 3, uid: "a" });
  }
  assertEquals(parsePop3Uid("3 a b"), { number: 3, uid: "a b" });
  for (const line of ["3", "3 ", "3 a\0", "3 \x1b[2J"]) {
    assertEquals(parsePop3Uid(line), { number: 3, uid: "" });
  }
  assertEquals(parsePop3Challenge("+\tYQ== "), "YQ==");
  assertEquals(parsePop3Challenge("+YQ=="), undefined);
  assertEquals([...parsePop3Capabilities(["", " SASL PLAIN", "\t", "sasl LOGIN"])], [
    ["SASL", ["PLAIN", "LOGIN"]],
  ]);
  assertEquals(parsePop3Language("de  Deutsch "), { tag: "de", description: "Deutsch" });
  assertEquals(parsePop3Language("i-default"), { tag: "i-default", description: "" });
  assertEquals(parsePop3Language(" \t"), undefined);
});

Deno.test("blanks are SP and HTAB, and letters those of ASCII", () => {
  assertEquals([...parsePop3Capabilities(["sasl  PLAIN\tLOGIN ", "\u017ftls x\u00a0y"])], [
    ["SASL", ["PLAIN", "LOGIN"]],
    ["\u017fTLS", ["x\u00a0y"]],
  ]);
  assertEquals(parsePop3Uid("3 a\t "), { number: 3, uid: "a" });
  assertEquals(parsePop3Uid("3\u00a0a"), undefined);
  assertEquals(parsePop3Status("-ERR [in\u017fuse] x"), { ok: false, text: "[in\u017fuse] x" });
});

Deno.test("answers are read back as they were written", () => {
  const code = fc.option(fc.stringMatching(/^[A-Z/-]{1,20}$/), { nil: undefined });
  const text = fc.string({ unit: "grapheme" }).filter((one) => !/^[ \t[\]]|[\r\n]/.test(one));
  fc.assert(fc.property(fc.boolean(), code, text, (ok, code, text) => {
    const line = `${ok ? "+OK" : "-ERR"} ${code === undefined ? "" : `[${code}] `}${text}`;
    assertEquals(parsePop3Status(line), { ok, ...(code !== undefined && { code }), text });
  }));
  const number = fc.integer({ min: 1, max: 2 ** 31 });
  const uid = fc.stringMatching(/^[\x21-\x7e]{1,70}$/);
  fc.assert(fc.property(number, number, uid, (number, size, uid) => {
    assertEquals(parsePop3Numbers(`${number} ${size}`), { number, size });
    assertEquals(parsePop3Uid(`${number} ${uid}`), { number, uid });
  }));
});

Deno.test("whatever a server says, it is an answer or none", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => {
    const numbers = parsePop3Numbers(line);
    assert(numbers === undefined || Number.isSafeInteger(numbers.number + numbers.size));
    const status = parsePop3Status(line);
    assert(status === undefined || /^[ \t]*(?:\+OK|-ERR)/i.test(line));
    const uid = parsePop3Uid(line)?.uid;
    assert(uid === undefined || !/\p{Cc}/u.test(uid));
    const language = parsePop3Language(line);
    assert(language === undefined || language.tag !== "");
    parsePop3Challenge(line);
    assert(parsePop3Capabilities([line, line]).size <= 1);
  }));
});
