import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { charsetDecoder, decodeCharset, decodeUnlabelled } from "../../../net/mail/charset.ts";

/** The bytes of a text of hexadecimal digits. */
const hex = (text: string) => Uint8Array.fromHex(text);
const ascii = (text: string) => new TextEncoder().encode(text);

Deno.test("charsetDecoder() knows charsets by the names that mail has", () => {
  const names: Record<string, readonly string[]> = {
    "utf-8": ["utf-8", "UTF8", " utf-8 ", "utf8mb4", "cp65001", "x-utf-8"],
    "windows-1252": [
      "us-ascii",
      "ISO-8859-1",
      "iso8859_1",
      "x-iso-8859-1",
      "cp1252",
      "ansi",
      "819",
    ],
    "iso-8859-15": ["iso-8859-15", "Latin-9", "iso_8859-15"],
    "iso-8859-8": ["iso-8859-8-e"],
    "iso-8859-8-i": ["ISO-8859-8-I"],
    shift_jis: ["cp932", "CP-932", "windows-31j", "ms932", "ibm943", "x-sjis", "sjis-win"],
    "euc-jp": ["eucJP-ms", "x-euc-jp", "ujis", "cp51932"],
    "iso-2022-jp": ["iso-2022-jp-ms", "iso2022jp", "csISO2022JP", "iso-2022-jp-2", "cp50221"],
    "euc-kr": ["ks_c_5601-1987", "cp949", "uhc", "x-windows-949", "euckr"],
    gbk: ["gb2312", "cp936", "x-gbk", "euc-cn"],
    gb18030: ["GB18030", "cp54936"],
    big5: ["big5-hkscs", "cp950", "x-x-big5"],
    "windows-874": ["tis-620", "cp874"],
    "windows-1251": ["windows-1251", "cp1251", "win-1251", "x-cp1251"],
    "koi8-r": ["koi8-r", "cp20866"],
    macintosh: ["x-mac-roman", "mac"],
    ibm866: ["cp866", "IBM866"],
    cp437: ["ibm437", "CP437", "437", "x-cp437", "csPC8CodePage437"],
    cp850: ["cp850", "dos-850", "IBM00850"],
    "utf-7": ["utf-7", "UTF7", "unicode-1-1-utf-7", "cp65000"],
    "iso-2022-kr": ["iso-2022-kr", "csISO2022KR"],
    "hz-gb-2312": ["hz-gb-2312", "HZ"],
  };
  for (const [charset, all] of Object.entries(names)) {
    for (const name of all) assertEquals(charsetDecoder(name)?.encoding, charset, name);
  }
  for (
    const name of ["", "x-unknown", "none", "utf-9", "cp99999", "iso-8859-99", "a".repeat(9999)]
  ) {
    assertEquals(charsetDecoder(name), undefined, name);
    assertEquals(decodeCharset(ascii("a"), name), undefined, name);
  }
});

Deno.test("decodeCharset() decodes what TextDecoder cannot", () => {
  const cases: [charset: string, bytes: Uint8Array, text: string][] = [
    ["cp437", hex("82e1f6ff61"), "éß÷\u00a0a"],
    ["cp858", hex("d5"), "€"],
    ["cp862", hex("80"), "א"],
    ["cp737", hex("8081"), "ΑΒ"],
    ["cp857", hex("d5"), "\uFFFD"],
    ["iso-2022-kr", hex("1b2429430e30210f610a"), "가a\n"],
    // The header is no header if it is not complete.
    ["iso-2022-kr", hex("1b242a41"), "\x1b$*A"],
    ["iso-2022-kr", hex("1b24"), "\x1b$"],
    ["hz-gb-2312", ascii("This ~{<:Ky~} ~~ and ~\nthat~"), "This 己所 ~ and that~"],
    ["hz-gb-2312", ascii("~{<:\n<:"), "己\n<:"],
    ["hz-gb-2312", ascii("~x"), "~x"],
    // RFC 2152.
    ["utf-7", ascii("A+ImIDkQ."), "A≢Α."],
    ["utf-7", ascii("Hi Mom -+Jjo--!"), "Hi Mom -☺-!"],
    ["utf-7", ascii("+ZeVnLIqe-"), "日本語"],
    ["utf-7", ascii("1 +- 1 +2D3eAA-"), "1 + 1 😀"],
    ["utf-7", ascii("+2D0-"), "\uFFFD"],
    ["utf-7", hex("61ff+".replace("+", "2b")), "a\uFFFD"],
  ];
  for (const [charset, bytes, text] of cases) assertEquals(decodeCharset(bytes, charset), text);
});

Deno.test("decodeUnlabelled() guesses only where the sender says nothing", () => {
  for (const name of ["", " US-ASCII", "unknown-8bit", "x-unknown"]) {
    assertEquals(decodeUnlabelled(hex("c3bc"), name), "ü");
    assertEquals(decodeUnlabelled(hex("fc"), name), "ü");
  }
  assertEquals(decodeUnlabelled(hex("fc")), "ü");
  for (const name of ["utf-8", "iso-8859-1", "x-nowhere"]) {
    assertEquals(decodeUnlabelled(hex("fc"), name), undefined);
  }
});

Deno.test("charsetDecoder() decodes a text in pieces as it decodes the whole", () => {
  const alphabet = fc.constantFrom(
    ...ascii("+-AaZ/0~{}\n\u001b$)C\u000e\u000f!<:Ky2D3eAA"),
    200,
    255,
  );
  const charsets = fc.constantFrom(
    "utf-7",
    "iso-2022-kr",
    "hz-gb-2312",
    "cp437",
    "shift_jis",
    "utf-8",
  );
  fc.assert(fc.property(charsets, fc.array(alphabet), fc.nat(), (charset, given, at) => {
    const bytes = new Uint8Array(given);
    const cut = at % (bytes.length + 1);
    const decoder = charsetDecoder(charset)!;
    const parts = decoder.decode(bytes.subarray(0, cut), { stream: true }) +
      decoder.decode(bytes.subarray(cut), { stream: true }) + decoder.decode();
    assertEquals(parts, decodeCharset(bytes, charset));
    // It has no state after the end.
    assertEquals(decoder.decode(bytes), parts);
  }));
});
