/** `.tasks/coverage.ts`: what it makes of a report. */

import { assertEquals } from "@std/assert";
import { missedTargets, readLcov, total } from "../.tasks/coverage.ts";

const REPORT = `SF:/work/net/a.ts
FN:1,a
DA:1,5
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

Deno.test("readLcov() returns the numbers of each file, total() their sum", () => {
  const files = readLcov(REPORT, "/work/");
  assertEquals([...files], [
    ["net/a.ts", { lines: [9, 10], branches: [4, 4] }],
    ["ws/b.ts", { lines: [90, 90], branches: [0, 0] }],
  ]);
  assertEquals(total(files.values()), { lines: [99, 100], branches: [4, 4] });
  assertEquals(readLcov("", "/").size, 0);
});

Deno.test("missedTargets() names what is below 95 % of lines or 90 % of branches", () => {
  assertEquals(missedTargets({ lines: [95, 100], branches: [90, 100] }), []);
  assertEquals(missedTargets({ lines: [949, 1000], branches: [0, 0] }), ["lines"]);
  assertEquals(missedTargets({ lines: [1, 1], branches: [8, 9] }), ["branches"]);
});
