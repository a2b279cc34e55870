import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { drawChart } from "./_chart.ts";
import { bars, evaluate, page } from "./_report.ts";
import type { Figure } from "./_bench.ts";

const series = (name: string, ...values: number[]) => ({
  name,
  rounds: values.map((value) => ({ value })),
});

const FIGURE: Figure = {
  title: "Echo <1 & 2>",
  unit: "round trips/s",
  note: "a note",
  series: [series("ours", 200, 210, 190), series("Node net", 100, 105, 95), series("bare", 400)],
  targets: [
    { against: ["Node net"], ratio: 1, chart: true },
    { against: ["bare"], ratio: 1 },
    { against: ["not on this machine"], ratio: 1, chart: true },
  ],
};

Deno.test("the chart has a bar for each ratio that asks for one and was measured", () => {
  assertEquals(bars([evaluate(FIGURE)]), [
    { title: "Echo <1 & 2>", compared: "ours / Node net", ratio: 2 },
  ]);
});

Deno.test("a bar begins at 1 and goes to the right if ours does more, to the left if it does less", () => {
  const svg = drawChart([
    { title: "more", compared: "ours / a", ratio: 4 },
    { title: "equal", compared: "ours / b", ratio: 1 },
    { title: "less", compared: "ours / c", ratio: 0.5 },
    { title: "out of the scale", compared: "ours / d", ratio: 5000 },
  ]);
  const found = Array.from(
    svg.matchAll(/<rect class="(\w+)" x="(\d+)" y="\d+" width="(\d+)"/g),
    ([, side, x, width]) => ({ side, from: Number(x), to: Number(x) + Number(width) }),
  );
  const one = Number(/class="one" d="M(\d+) /.exec(svg)?.[1]);
  assertEquals(found.map(({ side }) => side), ["more", "more", "less", "more"]);
  assertEquals([found[0]?.from, found[1]?.from, found[2]?.to, found[3]?.from], Array(4).fill(one));
  assertEquals(found[1]!.to - found[1]!.from, 1);
  const width = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
  for (const { from, to } of found) assert(from >= 0 && to <= width);
  for (const value of ["4.00×", "1.00×", "0.50×", "5000×"]) assertStringIncludes(svg, value);
});

Deno.test("the chart is well-formed, escapes titles, and has colours for light and dark", () => {
  const svg = drawChart(bars([evaluate(FIGURE)]));
  assertStringIncludes(svg, "Echo &lt;1 &amp; 2>");
  assertStringIncludes(svg, "prefers-color-scheme: dark");
  const open: string[] = [];
  for (const [, closing, name, end] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (closing) assertEquals(open.pop(), name);
    else if (!end) open.push(name!);
  }
  assertEquals(open, []);
});

Deno.test("the page shows the chart only if there is one", () => {
  const results = [evaluate(FIGURE)];
  assertMatch(page(["a machine"], results, "x.svg"), /^!\[.+\]\(x\.svg\)$/m);
  assert(!page(["a machine"], results).includes("!["));
});
