import { assert, assertEquals, assertMatch } from "@std/assert";
import type { WatchedHop, WatchedPath } from "../../../tools/diagnose/watch_options.ts";
import { pathTable, sparkline } from "../../../tools/internal/path_table.ts";

function hop(number: number, loss: number, more: Partial<WatchedHop> = {}): WatchedHop {
  const times = { last: 1234.5, best: 0.04, average: 12.34, worst: 9999, jitter: 1 };
  const common = { hop: number, addresses: [`192.0.2.${number}`], sent: 10, received: 10 };
  return { ...common, samples: [1, 2, undefined, 4], loss, ...times, ...more };
}

const PATH: WatchedPath = {
  host: "a.test",
  address: "192.0.2.9",
  rounds: 10,
  reached: true,
  hops: [hop(1, 0), hop(2, 0.025), hop(3, 0.3)],
};

Deno.test("pathTable() fits 80 and 120 columns", () => {
  const addresses = ["2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8::1"];
  const hops = [...PATH.hops, hop(4, 1, { addresses, received: 0 }), hop(30, 0)];
  for (const width of [60, 80, 120]) {
    const lines = pathTable({ ...PATH, hops }, { width, height: 40, color: false });
    for (const line of lines.slice(1)) assert(line.length <= Math.max(width, 76), line);
    assertEquals(lines.length, 2 + hops.length + 1);
  }
  const [title, head, first, second] = pathTable(PATH, { width: 80, height: 9, color: false });
  assertEquals(title, "a.test (192.0.2.9), 10 rounds, times in milliseconds");
  assertEquals(head, "    address          loss  sent   last   best    avg  worst jitter");
  assertEquals(first, "  1 192.0.2.1          0%    10   1235   0.04   12.3   9999   1.00 ▁▃×█");
  assertMatch(second!, / 2 192\.0\.2\.2 +2\.5%/);
});

Deno.test("pathTable() leaves out hops that do not fit the screen, and escapes names", () => {
  const hops = Array.from({ length: 9 }, (_, i) => hop(i + 1, 0));
  const host = "a\x1b[2J.test";
  const lines = pathTable({ ...PATH, host, hops }, { width: 80, height: 4, color: false });
  assertEquals(lines.length, 2 + 4 + 1);
  assertEquals(lines.at(-1), "    and 5 hops more");
  assert(!lines.join("").includes("\x1b"));
});

Deno.test("pathTable() explains routers that lose more than the host", () => {
  const limited = { ...PATH, hops: [hop(1, 0.5), hop(2, 0)] };
  const lines = pathTable(limited, { width: 80, height: 9, color: false });
  assertMatch(lines.at(-1)!, /A router that loses more than the host limits its reports/);
  const clean = pathTable({ ...PATH, hops: [hop(1, 0), hop(2, 0.5)] }, {
    width: 80,
    height: 9,
    color: false,
  });
  assertEquals(clean.length, 4);
});

Deno.test("sparkline() shows the last times, and does not enlarge small differences", () => {
  assertEquals(sparkline([1, 1.001, 1], 9), "▁▁▁");
  assertEquals(sparkline([1, 8], 9), "▁█");
  assertEquals(sparkline([undefined, undefined], 9), "××");
  assertEquals(sparkline([9, 1, 1], 2), "▁▁");
  assertEquals(sparkline([1], 0), "");
});
