import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import {
  decodeFileName,
  encodeDisposition,
  safeFileName,
} from "../../../../examples/chat/files/file_name.ts";

const NAMES: Readonly<Record<string, string>> = {
  "cat.png": "cat.png",
  "照片 1.png": "照片 1.png",
  "../../etc/passwd": "_.._etc_passwd",
  "..": "file",
  "": "file",
  " \t ": "file",
  "\u200b": "file",
  ".bashrc": "bashrc",
  "C:\\windows\\a.exe": "C__windows_a.exe",
  "a\0b\nc\x1b[31m.txt": "ab c.txt",
  "evil\u202egnp.exe": "evilgnp.exe",
  "a\"b'c;d": "a_b'c;d",
  "100%25.txt": "100_25.txt",
  "nul.txt": "_nul.txt",
  "CON": "_CON",
  "console.log": "console.log",
  "report. . ": "report",
  "lone\ud800": "lone\ufffd",
};

Deno.test("safeFileName() removes what is dangerous in a name", () => {
  for (const [given, safe] of Object.entries(NAMES)) {
    assertEquals(safeFileName(given), safe, JSON.stringify(given));
  }
});

Deno.test("safeFileName() cuts a long name between characters and keeps the extension", () => {
  assertEquals(safeFileName(`${"a".repeat(4096)}.tar`), `${"a".repeat(196)}.tar`);
  assertEquals(safeFileName("好".repeat(100)), "好".repeat(66));
  assertEquals(safeFileName(`${"😀".repeat(100)}.txt`), `${"😀".repeat(49)}.txt`);
});

Deno.test("safeFileName() gives a safe name for every text, and keeps safe names", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (given) => {
    const name = safeFileName(given);
    // deno-lint-ignore no-control-regex
    assert(!/[/\\\x00-\x1f\x7f\u202a-\u202e]|^\.|^$/.test(name), name);
    assert(new TextEncoder().encode(name).length <= 200 && name.isWellFormed());
    assertEquals(safeFileName(name), name);
  }));
});

Deno.test("decodeFileName() decodes UTF-8 and refuses what is malformed", () => {
  assertEquals(decodeFileName("%E7%85%A7.png"), "照.png");
  assertEquals(decodeFileName(null), "");
  for (const bad of ["%", "%zz", "%ff", "%E7%85"]) assertEquals(decodeFileName(bad), undefined);
});

Deno.test("encodeDisposition() encodes names as RFC 6266 and RFC 8187 demand", () => {
  assertEquals(encodeDisposition("inline", "cat.png"), 'inline; filename="cat.png"');
  assertEquals(
    encodeDisposition("attachment", "照(1)*'.png"),
    `attachment; filename="_(1)*'.png"; filename*=UTF-8''%E7%85%A7%281%29%2A%27.png`,
  );
});

Deno.test("encodeDisposition() gives a valid field for every safe name", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (given) => {
    const value = encodeDisposition("attachment", safeFileName(given));
    assertMatch(
      value,
      /^attachment; filename="[ !#-[\]-~]*"(; filename\*=UTF-8''[\w!#$&+^`|~.%-]*)?$/,
    );
    new Headers({ "content-disposition": value });
  }));
});
