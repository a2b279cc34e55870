/** `.tasks/coverage.ts`: what it makes of a report. */

import { assertEquals } from "@std/assert";
import { type CoveredFile, missedTargets, readLcov, report, total } from "../.tasks/coverage.ts";

const REPORT = `SF:/work/net/a.ts
FN:1,a
BRDA:1,1,0,5
BRDA:4,1,0,0
BRDA:5,1,0,-
BRDA:9,1,0,0
BRDA:9,1,1,0
DA:1,5
DA:3,0
DA:4,0
DA:6,0
DA:7,1
DA:9,1
DA:10,0
LH:9
LF:10
BRF:4
BRH:4
end_of_record
SF:/work/ws/b.ts
LH:90
LF:90
BRF:0
BRH:0
end_of_record
`;

Deno.test("readLcov() returns the numbers of each file and what is missed, total() their sum", () => {
  const files = readLcov(REPORT, "/work/");
  assertEquals([...files], [
    ["net/a.ts", {
      lines: [9, 10],
      branches: [4, 4],
      // Line 5 has no code. A branch in a missed line is no news.
      missedLines: [[3, 6], [10, 10]],
      missedBranches: [9],
    }],
    ["ws/b.ts", { lines: [90, 90], branches: [0, 0], missedLines: [], missedBranches: [] }],
  ]);
  assertEquals(total(files.values()), { lines: [99, 100], branches: [4, 4] });
  assertEquals(readLcov("", "/").size, 0);
});

Deno.test("missedTargets() names what is below 95 % of lines or 90 % of branches", () => {
  assertEquals(missedTargets({ lines: [95, 100], branches: [90, 100] }), []);
  assertEquals(missedTargets({ lines: [949, 1000], branches: [0, 0] }), ["lines"]);
  assertEquals(missedTargets({ lines: [1, 1], branches: [8, 9] }), ["branches"]);
});

Deno.test("report() fails for each folder below a target, and names the worst files first", () => {
  const file = (lines: number, branches: number): CoveredFile => ({
    lines: [lines, 100],
    branches: [branches, 100],
    missedLines: lines < 100 ? [[1, 2], [7, 7]] : [],
    missedBranches: branches < 100 ? [9] : [],
  });
  const files = new Map([
    ["net/poor.ts", file(94, 95)],
    ["net/worse.ts", file(100, 60)],
    ["net/good.ts", file(99, 99)],
    ["ws/good.ts", file(100, 100)],
    ["network/other.ts", file(0, 0)],
  ]);
  const { text, missed } = report(files, ["net", "ws", "http"]);
  assertEquals(missed, true);
  assertEquals(text.split("\n"), [
    " 100.0 % of lines,   60.0 % of branches: net/worse.ts",
    "         branches in 9",
    "  94.0 % of lines,   95.0 % of branches: net/poor.ts",
    "         lines 1-2 7",
    "         branches in 9",
    "",
    "  97.7 % of lines,   84.7 % of branches: net",
    " 100.0 % of lines,  100.0 % of branches: ws",
    "  98.3 % of lines,   88.5 % of branches: all 4 files",
    "net: below the target of 90 % of branches",
    "http: no test loads a file",
    "all 4 files: below the target of 90 % of branches",
  ]);
  assertEquals(report(files, ["ws"]).missed, false);
  assertEquals(report(new Map(), ["ws"]).missed, true);
});
