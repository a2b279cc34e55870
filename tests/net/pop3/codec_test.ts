import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  parsePop3Capabilities,
  parsePop3Challenge,
  parsePop3Numbers,
  parsePop3Status,
  parsePop3Uid,
} from "../../../net/pop3/codec.ts";

Deno.test("status lines, numbers and names are read, and nothing else", () => {
  assertEquals(parsePop3Status("+OK"), { ok: true, text: "" });
  assertEquals(parsePop3Status("+ok  x"), { ok: true, text: "x" });
  assertEquals(parsePop3Status("-ERR [in-use] x"), { ok: false, code: "IN-USE", text: "x" });
  for (const line of ["", "OK", "+OKAY", "*OK", " +OK"]) {
    assertEquals(parsePop3Status(line), undefined);
  }
  assertEquals(parsePop3Numbers("1 20 more"), { number: 1, size: 20 });
  for (const line of ["", "1", "a 1", "1 -1", "1 1e5"]) {
    assertEquals(parsePop3Numbers(line), undefined);
  }
  assertEquals(parsePop3Uid("3 a.b-c"), { number: 3, uid: "a.b-c" });
  assertEquals(parsePop3Uid("3 a b"), undefined);
  assertEquals([parsePop3Challenge("+"), parsePop3Challenge("+ YQ=="), parsePop3Challenge("+OK")], [
    "",
    "YQ==",
    undefined,
  ]);
});

Deno.test("blanks are SP and HTAB, and letters those of ASCII", () => {
  assertEquals([...parsePop3Capabilities(["sasl  PLAIN\tLOGIN ", "\u017ftls x\u00a0y"])], [
    ["SASL", ["PLAIN", "LOGIN"]],
    ["\u017fTLS", ["x\u00a0y"]],
  ]);
  assertEquals(parsePop3Uid("3 a\t "), { number: 3, uid: "a" });
  assertEquals(parsePop3Uid("3 a\u00a0"), undefined);
  assertEquals(parsePop3Status("-ERR [in\u017fuse] x"), { ok: false, text: "[in\u017fuse] x" });
});

Deno.test("answers are read back as they were written", () => {
  const code = fc.option(fc.stringMatching(/^[A-Z/-]{1,20}$/), { nil: undefined });
  const text = fc.string({ unit: "grapheme" }).filter((one) => !/^[ [\]]|[\r\n]/.test(one));
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
    assert(status === undefined || /^(?:\+OK|-ERR)/i.test(line));
    const uid = parsePop3Uid(line)?.uid;
    assert(uid === undefined || /^[\x21-\x7e]+$/.test(uid));
    parsePop3Challenge(line);
    assert(parsePop3Capabilities([line, line]).size === 1);
  }));
});
