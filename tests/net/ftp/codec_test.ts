import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  encodeFtpExtendedPort,
  encodeFtpPort,
  FtpReplyReader,
  FtpSyntaxError,
  isPlainFtpName,
  parseFtpExtendedPassive,
  parseFtpFacts,
  parseFtpPassive,
  parseFtpPath,
  parseFtpSize,
  parseFtpTime,
} from "../../../net/ftp/codec.ts";
import { parseFtpListing } from "../../../net/ftp/listing.ts";

const NOW = new Date("2026-03-10T12:00:00Z");

function read(...lines: string[]) {
  const reader = new FtpReplyReader();
  return lines.map((line) => reader.push(line)).filter((reply) => reply !== undefined);
}

Deno.test("replies of one line and of many are put together", () => {
  assertEquals(read("220 ready"), [{ code: 220, lines: ["ready"] }]);
  assertEquals(read("220"), [{ code: 220, lines: [""] }]);
  // Any three digits are a code, and some servers forget the blank.
  assertEquals(read("798 x"), [{ code: 798, lines: ["x"] }]);
  assertEquals(read("220_x"), [{ code: 220, lines: ["_x"] }]);
  assertEquals(read("211-Features:", " MDTM", "230 not yet", "211-more", "", "211 End"), [
    { code: 211, lines: ["Features:", " MDTM", "230 not yet", "more", "", "End"] },
  ]);
  for (const line of ["", "22", "2200 x", "abc"]) {
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
  assertEquals(parseFtpExtendedPassive("Entering |||6446|"), 6446);
  for (const text of ["", "(|||0|)", "(|||70000|)", "(||6446|)", "(|!|6446|)"]) {
    assertEquals(parseFtpExtendedPassive(text), undefined, text);
  }
  assertEquals(parseFtpPassive("Mode (127,0,0,1,25,46)."), { hostname: "127.0.0.1", port: 6446 });
  assertEquals(parseFtpPassive("10,0,0,1,0,21"), { hostname: "10.0.0.1", port: 21 });
  assertEquals(parseFtpPassive("at 1, 2,3 ,4,5,6."), { hostname: "1.2.3.4", port: 1286 });
  assertEquals(encodeFtpPort({ hostname: "1.2.3.4", port: 1286 }), "PORT 1,2,3,4,5,6");
  const here = [{ hostname: "1.2.3.4", port: 5 }, { hostname: "fe80::1%eth0", port: 6 }];
  assertEquals(here.map(encodeFtpExtendedPort), ["EPRT |1|1.2.3.4|5|", "EPRT |2|fe80::1|6|"]);
  for (
    const text of [
      "ok |||6446|",
      "(|1|127.0.0.1|6446|)",
      "(|2|::1|6446|)",
      "(!!!6446!)",
      "Mode (6446)",
      "6446",
    ]
  ) {
    assertEquals(parseFtpExtendedPassive(text), 6446, text);
  }
  for (const text of ["", "1,2,3,4,5", "1,2,3,4,256,1", "1,2,3,4,0,0"]) {
    assertEquals(parseFtpPassive(text), undefined, text);
  }
});

Deno.test("paths and times are read", () => {
  assertEquals(parseFtpPath('"/a/""b"" c" is current'), '/a/"b" c');
  assertEquals(parseFtpPath('Current directory is "/a"'), "/a");
  assertEquals(parseFtpPath("/a is current"), "/a");
  assertEquals([parseFtpPath("is /a"), parseFtpPath('"a')], [undefined, undefined]);
  for (const text of ["5", " 5 ", "5 bytes"]) assertEquals(parseFtpSize(text), 5);
  for (const text of ["", "x", "5x", "1".repeat(16)]) assertEquals(parseFtpSize(text), undefined);
  assertEquals(parseFtpTime("20261123093060 ")?.toISOString(), "2026-11-23T09:31:00.000Z");
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

Deno.test("blanks are SP and HTAB, and letters those of ASCII", () => {
  const name = (line: string) => parseFtpListing([line], NOW).entries[0]?.name;
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
    parseFtpListing([line], NOW);
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
