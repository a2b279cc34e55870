import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { isNameEncoding, NameCoding } from "../../../net/internal/name_coding.ts";

Deno.test("names are encoded as the Encoding standard says", () => {
  const rows: [encoding: string, text: string, bytes: number[]][] = [
    ["utf-8", "ü€😀", [0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80]],
    ["latin1", "grün", [0x67, 0x72, 0xfc, 0x6e]],
    ["windows-1251", "Яя", [0xdf, 0xff]],
    ["koi8-r", "Яя", [0xf1, 0xd1]],
    ["gbk", "模文€", [0xc4, 0xa3, 0xce, 0xc4, 0x80]],
    ["gb18030", "ß😀", [0x81, 0x30, 0x89, 0x38, 0x94, 0x39, 0xfc, 0x36]],
    ["shift_jis", "表ｱ∵", [0x95, 0x5c, 0xb1, 0x81, 0xe6]],
    ["big5", "測兀", [0xb4, 0xfa, 0xa4, 0x61]],
    ["euc-jp", "日丂", [0xc6, 0xfc, 0x8f, 0xb0, 0xa1]],
    ["euc-kr", "한", [0xc7, 0xd1]],
  ];
  for (const [encoding, text, bytes] of rows) {
    const coding = new NameCoding(encoding);
    assertEquals([...coding.encode(text)], bytes, encoding);
    assertEquals(coding.decode(Uint8Array.from(bytes)), text, encoding);
    assertEquals(new TextDecoder().decode(coding.encode("a/b.txt")), "a/b.txt");
  }
});

Deno.test("a character that an encoding lacks is an error", () => {
  const message = 'Cannot send "a文": windows-1252 has no "文"';
  assertThrows(() => new NameCoding("latin1").encode("a文"), TypeError, message);
});

Deno.test("an encoding of names has all of ASCII in one byte each", () => {
  const good = ["utf8", "latin1", "GBK", "shift_jis", "big5", "euc-kr", "iso-8859-15"];
  assertEquals(good.filter((label) => !isNameEncoding(label)), []);
  const bad = ["utf-16le", "utf-16be", "iso-2022-jp", "klingon", "", 7, undefined];
  assertEquals(bad.filter(isNameEncoding), []);
});

Deno.test("bytes that are no characters survive", () => {
  for (const encoding of ["utf-8", "latin1", "koi8-r", "euc-kr"]) {
    const coding = new NameCoding(encoding);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = coding.decode(bytes);
      // CP 949 has some characters twice.
      if (encoding !== "euc-kr") assertEquals(coding.encode(text), bytes);
      assertEquals(coding.decode(coding.encode(text)), text);
    }));
  }
  const stray = new NameCoding("utf-8").decode(Uint8Array.of(0x67, 0xfc, 0xc3, 0xbc));
  assertEquals(stray, "g\udcfcü");
});

Deno.test("the byte 255 is sent twice where the other side speaks Telnet", () => {
  const coding = new NameCoding("windows-1251");
  assertEquals([...coding.encode("aяb")], [0x61, 0xff, 0x62]);
  coding.isTelnet = true;
  assertEquals([...coding.encode("aяb")], [0x61, 0xff, 0xff, 0x62]);
  const utf8 = new NameCoding("utf-8");
  utf8.isTelnet = true;
  assertEquals([...utf8.encode("я\udcff")], [0xd1, 0x8f, 0xff, 0xff]);
});

Deno.test("two spellings of one character stay two names", () => {
  for (
    const [encoding, one, other] of [["gbk", [0x80], [0xa2, 0xe3]], ["shift_jis", [0x81, 0xe6], [
      0x87,
      0x9a,
    ]], ["gb18030", [0xa2, 0xe3], [0x80]]] as const
  ) {
    const coding = new NameCoding(encoding);
    for (const bytes of [one, other]) {
      const name = coding.decode(Uint8Array.from(bytes));
      assertEquals([...coding.encode(name)], [...bytes]);
    }
    assertEquals(coding.decode(Uint8Array.from(one)).length, 1);
  }
});
