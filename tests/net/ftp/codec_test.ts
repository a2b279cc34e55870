import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  FtpReplyReader,
  FtpSyntaxError,
  isPlainFtpName,
  parseFtpExtendedPassive,
  parseFtpFacts,
  parseFtpListLine,
  parseFtpPassive,
  parseFtpPath,
  parseFtpTime,
} from "../../../net/ftp/codec.ts";

const NOW = new Date("2026-03-10T12:00:00Z");

function read(...lines: string[]) {
  const reader = new FtpReplyReader();
  return lines.map((line) => reader.push(line)).filter((reply) => reply !== undefined);
}

Deno.test("replies of one line and of many are put together", () => {
  assertEquals(read("220 ready"), [{ code: 220, lines: ["ready"] }]);
  assertEquals(read("220"), [{ code: 220, lines: [""] }]);
  assertEquals(read("211-Features:", " MDTM", "230 not yet", "211-more", "", "211 End"), [
    { code: 211, lines: ["Features:", " MDTM", "230 not yet", "more", "", "End"] },
  ]);
  for (const line of ["", "22", "2200 x", "abc", "700 x", "220_x"]) {
    assertThrows(() => read(line), FtpSyntaxError);
  }
  assertThrows(
    () => read("211-a", ...new Array<string>(1001).fill("x")),
    FtpSyntaxError,
    "not end",
  );
});

Deno.test("passive addresses are read, and nothing else", () => {
  assertEquals(parseFtpExtendedPassive("Entering (|||6446|)"), 6446);
  assertEquals(parseFtpExtendedPassive("(!!!1!)"), 1);
  for (const text of ["", "(|||0|)", "(|||70000|)", "(||6446|)", "(|!|6446|)", "|||6446|"]) {
    assertEquals(parseFtpExtendedPassive(text), undefined, text);
  }
  assertEquals(parseFtpPassive("Mode (127,0,0,1,25,46)."), { hostname: "127.0.0.1", port: 6446 });
  assertEquals(parseFtpPassive("10,0,0,1,0,21"), { hostname: "10.0.0.1", port: 21 });
  for (const text of ["", "1,2,3,4,5", "1,2,3,4,256,1", "1,2,3,4,0,0"]) {
    assertEquals(parseFtpPassive(text), undefined, text);
  }
});

Deno.test("paths and times are read", () => {
  assertEquals(parseFtpPath('"/a/""b"" c" is current'), '/a/"b" c');
  assertEquals([parseFtpPath("/a"), parseFtpPath('"a')], [undefined, undefined]);
  assertEquals(parseFtpTime("20261123093000")?.toISOString(), "2026-11-23T09:30:00.000Z");
  assertEquals(parseFtpTime("20261123093000.25")?.getUTCMilliseconds(), 250);
  for (const text of ["", "2026", "20261323093000", "20261123093000x"]) {
    assertEquals(parseFtpTime(text), undefined, text);
  }
});

Deno.test("facts are read (RFC 3659)", () => {
  const entry = parseFtpFacts("Type=file;Size=25730;Modify=19940728095854;Perm=; cap mux.tar.z");
  assertEquals(entry, {
    name: "cap mux.tar.z",
    permissions: "",
    type: "file",
    self: false,
    size: 25_730,
    modified: new Date("1994-07-28T09:58:54Z"),
  });
  assertEquals(parseFtpFacts("type=cdir; /")?.self, true);
  assertEquals(parseFtpFacts(" type=dir;unique=a=b; x;y")?.name, "x;y");
  assertEquals(parseFtpFacts("type=OS.unix=slink:/foobar; foobar")?.type, "link");
  assertEquals(parseFtpFacts(" name alone")?.type, "other");
  for (const line of ["", "type=file;", "type=file; ", "nonsense"]) {
    assertEquals(parseFtpFacts(line), undefined, line);
  }
});

Deno.test("listings of Unix and DOS are read", () => {
  const unix = (line: string) => parseFtpListLine(line, NOW);
  assertEquals(unix("-rw-r--r--   1 ann  users     12 Mar 10 09:30 a b.txt"), {
    name: "a b.txt",
    type: "file",
    size: 12,
    modified: new Date("2026-03-10T09:30:00Z"),
  });
  assertEquals(unix("drwxr-xr-x+ 2 0 0 4096 Nov 23  2019 dir")?.type, "directory");
  assertEquals(unix("-rw-r--r-- 1 0 0 1 Dec 24 09:30 old")?.modified?.getUTCFullYear(), 2025);
  assertEquals(unix("lrwxrwxrwx 1 0 0 3 Jan 01 2020 a -> b c"), {
    name: "a",
    type: "link",
    modified: new Date("2020-01-01T00:00:00Z"),
    target: "b c",
  });
  assertEquals(unix("-rw-r--r-- 1 ann 12 1 Jan 2020 one owner")?.size, 12);
  assertEquals(unix("lrwxrwxrwx 1 0 0 3 Jan 01 2020 a -> b -> c")?.target, "b -> c");
  // In the language of the server: what has no time that can be read is there all the same.
  for (
    const [when, time] of [
      ["3月 10 07:37", "2026-03-10T07:37:00.000Z"],
      ["3月 10日 07:37", "2026-03-10T07:37:00.000Z"],
      ["2026-11-20 07:37", "2026-11-20T07:37:00.000Z"],
      ["10. Mar 07:37", "2026-03-10T07:37:00.000Z"],
      ["mars 20 07:37", undefined],
      ["févr. 20 2025", undefined],
      ["13月 20 2025", undefined],
    ]
  ) {
    const entry = unix(`-rw-r--r-- 1 0 0 5 ${when} 中 文`);
    assertEquals([entry?.name, entry?.size, entry?.modified?.toJSON()], ["中 文", 5, time]);
  }
  assertEquals(unix("11-23-26  09:30PM                 1234 file.txt"), {
    name: "file.txt",
    type: "file",
    size: 1234,
    modified: new Date("2026-11-23T21:30:00Z"),
  });
  assertEquals(unix("11-23-2026  12:05AM       <DIR>  my dir")?.modified?.getUTCHours(), 0);
  assertEquals(unix("11-23-26  09:30AM       <DIR>          dir")?.type, "directory");
  for (const line of ["total 12", "", "-rw-r--r-- nonsense"]) assertEquals(unix(line), undefined);
});

Deno.test("blanks are SP and HTAB, and letters those of ASCII", () => {
  const name = (line: string) => parseFtpListLine(line, NOW)?.name;
  assertEquals(name("-rw-r--r--\t1\tann users\t12 Mar\t10 09:30\ta"), "a");
  assertEquals(name("-rw-r--r-- 1 ann users 12 Mar 10 09:30 \u00a0a"), "\u00a0a");
  assertEquals(name("-rw-r--r--\u00a01 ann users 12 Mar 10 09:30 a"), undefined);
  assertEquals(name("11-23-26\u00a009:30AM <DIR> dir"), undefined);
  assertEquals(parseFtpFacts("TYPE=FILE;SIZE=7; a")?.size, 7);
  // These are no facts that are known: the long s is not an "s".
  assertEquals(parseFtpFacts("\u017fize=7; a"), { name: "a", type: "other", self: false });
  assertEquals(parseFtpFacts("size=\u0667; a")?.size, undefined);
});

Deno.test("no line is too strange to be read", () => {
  fc.assert(fc.property(fc.string(), (line) => {
    parseFtpFacts(line);
    parseFtpListLine(line, NOW);
    parseFtpPassive(line);
    parseFtpExtendedPassive(line);
    parseFtpPath(line);
    parseFtpTime(line);
    return true;
  }));
});

Deno.test("a name that leads out of its directory is none", () => {
  for (const name of ["", ".", "..", "a/b", "/a", "..\\a", "a\0", "a\n"]) {
    assertEquals(isPlainFtpName(name), false, JSON.stringify(name));
  }
  for (const name of ["a", "...", "a b", ".x", "ü"]) assertEquals(isPlainFtpName(name), true);
});
