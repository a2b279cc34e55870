import { assertEquals } from "@std/assert";
import { type FtpEntry, parseFtpListing } from "../../../net/ftp/mod.ts";

const NOW = new Date("2026-03-10T12:00:00Z");

/** Returns the entry of one line. */
function one(line: string): FtpEntry | undefined {
  return parseFtpListing([line], NOW).entries[0];
}

/** Returns short descriptions of entries: type, name, size, time. */
function shown(lines: readonly string[]): string[] {
  const { entries, unknown } = parseFtpListing(lines, NOW);
  assertEquals(unknown, []);
  return entries.map(({ name, type, size, modified, target }) =>
    [
      type[0],
      name,
      size ?? "-",
      modified?.toISOString().slice(0, 16) ?? "-",
      ...target === undefined ? [] : [`-> ${target}`],
    ].join(" ")
  );
}

Deno.test("listings of Unix and DOS are read", () => {
  const unix = one;
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
  // An entry without a time that can be read is there all the same.
  for (
    const [when, time] of [
      ["3月 10 07:37", "2026-03-10T07:37:00.000Z"],
      ["3月 10日 07:37", "2026-03-10T07:37:00.000Z"],
      ["2026-11-20 07:37", "2026-11-20T07:37:00.000Z"],
      ["10. Mar 07:37", "2026-03-10T07:37:00.000Z"],
      ["mars 20 07:37", "2025-03-20T07:37:00.000Z"],
      ["févr. 20 2025", "2025-02-20T00:00:00.000Z"],
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

/** A listing in each form, and what it says. */
const LISTINGS: Readonly<Record<string, readonly [string, string][]>> = {
  "Unix with all kinds of lines": [
    ["total 48", ""],
    ["drwxr-sr-t  12 root  wheel      512 Feb 14 23:59 pub", "d pub - 2026-02-14T23:59"],
    [
      "-rw-rw-r--+  1 ann smith         7 Mar  9 00:00 two words ",
      "f two words  7 2026-03-09T00:00",
    ],
    ["-rwsr-xr-x. 1 1000 1000 1234567890 Dec 31  1999 y2k", "f y2k 1234567890 1999-12-31T00:00"],
    ["crw-rw-rw-  1 root  sys    13,  2 Jan  7  2020 null", "o null - 2020-01-07T00:00"],
    ["brw-r-----  1 root disk   8,1 Jan  7  2020 sda1", "o sda1 - 2020-01-07T00:00"],
    ["prw-r--r--  1 root sys 0 Jan  7  2020 pipe", "o pipe - 2020-01-07T00:00"],
    ["Drwxr-xr-x  1 root sys 0 Jan  7  2020 door", "o door - 2020-01-07T00:00"],
    [
      "lrwxrwxrwx  1 ann  www 9 Jan  7  2020 now -> ../a -> b",
      "l now - 2020-01-07T00:00 -> ../a -> b",
    ],
    [
      "-rw-r--r--  1 Domain Users\\ann group with blanks 5 Jan  7  2020 w",
      "f w 5 2020-01-07T00:00",
    ],
  ],
  "Unix without groups or numbers of links": [
    ["-rw-r--r--  1 ann      10 Jan  7  2020 no group", "f no group 10 2020-01-07T00:00"],
    ["-rw-r--r--  ann staff  11 Jan  7  2020 no links", "f no links 11 2020-01-07T00:00"],
    ["drwxr-xr-x  3 512 Jan  7  2020 neither", "d neither - 2020-01-07T00:00"],
  ],
  "Unix with numbers as time": [
    ["-rw-r--r-- 1 ann staff 12 2020/10/12 17:12 slash", "f slash 12 2020-10-12T17:12"],
    ["-rw-r--r-- 1 ann staff 12 2020-10-12 17:12:59 seconds", "f seconds 12 2020-10-12T17:12"],
    [
      "-rw-r--r-- 1 ann staff 12 2020-10-12 17:12:59.123456789 +0200 full",
      "f full 12 2020-10-12T17:12",
    ],
    ["-rw-r--r-- 1 ann staff 12 2020-10-12 date", "f date 12 2020-10-12T00:00"],
  ],
  "Unix in other languages": [
    ["insgesamt 8", ""],
    ["-rw-r--r-- 1 a b 1 Mär  1 10:00 german", "f german 1 2026-03-01T10:00"],
    ["-rw-r--r-- 1 a b 1 Dez 24  2024 german2", "f german2 1 2024-12-24T00:00"],
    ["-rw-r--r-- 1 a b 1 août 15  2024 french", "f french 1 2024-08-15T00:00"],
    ["-rw-r--r-- 1 a b 1 15 juil. 2024 french2", "f french2 1 2024-07-15T00:00"],
    ["-rw-r--r-- 1 a b 1 ene  3  2024 spanish", "f spanish 1 2024-01-03T00:00"],
    ["-rw-r--r-- 1 a b 1 мая  9  2024 russian", "f russian 1 2024-05-09T00:00"],
    ["-rw-r--r-- 1 a b 1 11月 22日  2024年 japanese", "f japanese 1 2024-11-22T00:00"],
  ],
  "AIX, which fills the year": [
    ["total 16", ""],
    ["drwxr-s---    3 ann      staff            256 Oct 01 2007  old", "d old - 2007-10-01T00:00"],
    ["-rw-r-----    1 ann      staff             12 Jan 05 00:11 new", "f new 12 2026-01-05T00:11"],
    ["-rw-r-----    1 ann      staff             12 Jan 05 2019   in", "f  in 12 2019-01-05T00:00"],
  ],
  "a name with a leading blank among others": [
    ["-rw-r--r-- 1 a b 1 Jan  5  2019  blank", "f  blank 1 2019-01-05T00:00"],
    ["-rw-r--r-- 1 a b 1 Jan  5  2019 none", "f none 1 2019-01-05T00:00"],
  ],
  "DOS": [
    ["11-23-19  09:30PM       <DIR>          my dir", "d my dir - 2019-11-23T21:30"],
    ["11-23-2019  12:05AM                1,234 a.txt", "f a.txt 1234 2019-11-23T00:05"],
    ["2020-09-02  19:06                9,730 iso.txt", "f iso.txt 9730 2020-09-02T19:06"],
    [
      "23.11.2019  19:06                9.730 day first.txt",
      "f day first.txt 9730 2019-11-23T19:06",
    ],
    [
      "11-23-19  09:30AM    <JUNCTION>     link [C:\\there]",
      "l link - 2019-11-23T09:30 -> C:\\there",
    ],
  ],
  "OS/2": [
    [
      "                 0           DIR   05-12-97   16:44  PSFONTS",
      "d PSFONTS - 1997-05-12T16:44",
    ],
    [
      "             36611      A          04-23-103  10:57  OS2 one.file",
      "f OS2 one.file 36611 2003-04-23T10:57",
    ],
  ],
  "EPLF": [
    ["+i8388621.29609,m824255902,/,\tdev", "d dev - 1996-02-13T23:58"],
    ["+i8388621.44468,m839956783,r,s10376,\tRFC EPLF", "f RFC EPLF 10376 1996-08-13T17:19"],
  ],
  "NetWare": [
    ["total 0", ""],
    [
      "d [RWCEAFMS] supervisor            512       Jan 16 18:53    login",
      "d login - 2026-01-16T18:53",
    ],
    [
      "- [R----F--] ann             214059       Oct 20 15:27    notes.txt",
      "f notes.txt 214059 2025-10-20T15:27",
    ],
  ],
  "the old MacOS": [
    [
      "-------r--         326  1391972  1392298 Nov 22  1995 MegaPhone.sit",
      "f MegaPhone.sit 1392298 1995-11-22T00:00",
    ],
    [
      "drwxrwxr-x               folder        2 May 10  1996 network",
      "d network - 1996-05-10T00:00",
    ],
  ],
  "VMS": [
    ["Directory DISK$USER:[ANN]", ""],
    ["", ""],
    [
      "NOTES.TXT;2            2/3      19-NOV-2001 21:41:58.12  [ANN]  (RWED,RWED,RE,)",
      "f NOTES.TXT - 2001-11-19T21:41",
    ],
    ["NOTES.TXT;1            1/3      18-NOV-2001 21:41:58.12  [ANN]  (RWED,RWED,RE,)", ""],
    [
      "SRC.DIR;1              1/3       8-SEP-1999 16:09        [ANN]  (RWE,RWE,RE,RE)",
      "d SRC - 1999-09-08T16:09",
    ],
    [
      "A_VERY_LONG_NAME_THAT_IS_ALONE.TXT;1",
      "f A_VERY_LONG_NAME_THAT_IS_ALONE.TXT - 2002-01-02T10:00",
    ],
    ["                       1        2-JAN-2002 10:00  [ANN]  (RWED,RWED,,)", ""],
    [
      "SECRET.TXT;1           %RMS-E-PRV, insufficient privilege or file protection violation",
      "f SECRET.TXT - -",
    ],
    ["", ""],
    ["Total of 5 files, 6/15 blocks.", ""],
  ],
  "the datasets of MVS": [
    ["Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname", ""],
    [
      "VOL001 3390   2020/05/21  1  200  FB      80  8053  PS  ANN.NOTES",
      "f ANN.NOTES - 2020-05-21T00:00",
    ],
    [
      "VOL002 3390   2020/05/22  1    1  U     6144  6144  PO  'ANN.LIB'",
      "d ANN.LIB - 2020-05-22T00:00",
    ],
    ["VOL003 3390   **NONE**    1    1  FB     132 27984  PO  EMPTY", "d EMPTY - -"],
    ["Migrated                                                ANN.OLD.DATA", "f ANN.OLD.DATA - -"],
    ["Pseudo Directory                                        ANN.SUB", "d ANN.SUB - -"],
    ["ARCIVE Not Direct Access Device                         ANN.TAPE", "f ANN.TAPE - -"],
  ],
  "the members of a library of MVS": [
    [" Name     VV.MM   Created       Changed      Size  Init   Mod   Id", ""],
    [
      " COMPILE   01.03 2002/09/12 2002/10/11 09:37    11    11     0 ANN001",
      "f COMPILE - 2002-10-11T09:37",
    ],
  ],
  "the jobs of MVS": [
    ["JOBNAME  JOBID    OWNER    STATUS CLASS", ""],
    ["ANNJOB   JOB05072 ANN      OUTPUT A        RC=0000 3 spool files", "f JOB05072 - -"],
  ],
  "OS/400": [
    [
      "ANN             77824 02/23/00 15:09:55 *DIR       QOpenSys/",
      "d QOpenSys - 2000-02-23T15:09",
    ],
    [
      "ANN             77824 23.02.00 15:09:55 *STMF      notes a.txt",
      "f notes a.txt 77824 2000-02-23T15:09",
    ],
    ["QSYS                                    *MEM       TEST.MBR", "f TEST.MBR - -"],
    [
      "QSYS            90112 99/12/31 15:09:55 *FILE      TABLE.FILE",
      "f TABLE.FILE - 1999-12-31T15:09",
    ],
  ],
  "NonStop": [
    ["File             Code             EOF  Last Modification    Owner  RWEP", ""],
    [
      'TEST1             101           16354 18-Mar-14 15:09:12 244, 10 "nnnn"',
      "f TEST1 16354 2014-03-18T15:09",
    ],
    [
      'TEST2         O   100L             12 01-Jan-99 01:02:03 244, 10 "nnnn"',
      "f TEST2 12 1999-01-01T01:02",
    ],
  ],
  "z/VM": [
    [
      "README   ANONYMOU V         71         26          1 1997-04-02 12:33:20 DISK01",
      "f README.ANONYMOU - 1997-04-02T12:33",
    ],
    [
      "CMS      DIR      -          -          -          - 11/09/20 10:56:16 -",
      "d CMS - 2020-11-09T10:56",
    ],
  ],
};

for (const [form, lines] of Object.entries(LISTINGS)) {
  Deno.test(`parseFtpListing() reads ${form}`, () => {
    const expected = lines.map(([, entry]) => entry).filter((entry) => entry !== "");
    assertEquals(shown(lines.map(([line]) => line)), expected);
  });
}

Deno.test("parseFtpListing() reports lines of another form, and knows no form at all", () => {
  const line = "-rw-r--r-- 1 a b 1 Jan  5  2019 a";
  const { entries, unknown } = parseFtpListing([line, "% the disk is nearly full"], NOW);
  assertEquals([entries.map(({ name }) => name), unknown], [["a"], ["% the disk is nearly full"]]);
  assertEquals(parseFtpListing(["a;b;c", "d;e;f"]), { entries: [], unknown: ["a;b;c", "d;e;f"] });
  assertEquals(parseFtpListing([]), { entries: [], unknown: [] });
  const given = parseFtpListing(["# names", "a;5"], NOW, (text) => {
    if (text.startsWith("#")) return null;
    const [name = "", size] = text.split(";");
    return { name, type: "file", size: Number(size) };
  });
  assertEquals(given.entries, [{ name: "a", type: "file", size: 5 }]);
});
