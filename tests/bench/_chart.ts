/** The chart of the main figures, as a picture (SVG). Pure. @module */

/** A bar of the chart. */
export interface Bar {
  /** What was measured. */
  readonly title: string;
  /** What is compared, in a few words. */
  readonly compared: string;
  /** Ours over the other one: above 1, ours does more. */
  readonly ratio: number;
}

const HEADING = "Portside against others: above 1×, Portside does more";
/** The width of the scale, and of the value behind the longest bar. */
const [SCALED, RIGHT] = [400, 70];
const [TOP, ROW, BOTTOM] = [76, 40, 16];
/** The width of a letter, a little more than that of most fonts. */
const LETTER = 7.6;
/** The lines of the scale, if the bars reach them. */
const SCALE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * Draws ratios as bars to the right and to the left of 1, on a logarithmic scale. The picture has a
 * background of its own and follows the light or dark setting of the reader.
 *
 * @param bars The bars from top to bottom.
 */
export function drawChart(bars: readonly Bar[]): string {
  const ratios = bars.map(({ ratio }) => ratio);
  const low = SCALE.findLast((line) => line <= Math.min(0.5, ...ratios)) ?? SCALE[0]!;
  const high = SCALE.find((line) => line >= Math.max(2, ...ratios)) ?? SCALE.at(-1)!;
  const longest = Math.max(
    ...bars.flatMap(({ title, compared }) => [title.length, compared.length]),
  );
  const left = Math.round(longest * LETTER) + 32;
  const width = left + SCALED + RIGHT;
  const x = (ratio: number) => {
    const inside = Math.min(Math.max(ratio, low), high);
    const share = Math.log(inside / low) / Math.log(high / low);
    return Math.round(left + share * SCALED);
  };
  const end = TOP + bars.length * ROW;
  const lines = SCALE.filter((line) => line >= low && line <= high).map((line) => {
    const kind = line === 1 ? "one" : "line";
    return `<path class="${kind}" d="M${x(line)} ${TOP - 8}V${end}"/>` +
      `<text class="small" text-anchor="middle" x="${x(line)}" y="${TOP - 14}">${line}×</text>`;
  });
  const rows = bars.map(({ title, compared, ratio }, i) => {
    const y = TOP + i * ROW;
    const [from, until] = [x(1), x(ratio)];
    const side = ratio >= 1 ? "more" : "less";
    const value = ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2);
    return `<text text-anchor="end" x="${left - 16}" y="${y + 16}">${escape(title)}</text>` +
      `<text class="small" text-anchor="end" x="${left - 16}" y="${y + 32}">` +
      `${escape(compared)}</text>` +
      `<rect class="${side}" x="${Math.min(from, until)}" y="${y + 8}" ` +
      `width="${Math.max(Math.abs(until - from), 1)}" height="20" rx="3"/>` +
      `<text x="${Math.max(from, until) + 8}" y="${y + 23}">${value}×</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${end + BOTTOM}" role="img">
<title>${HEADING}</title>
<style>
svg { --page: #ffffff; --text: #1d2327; --muted: #5a666d; --line: #d8dee1; --more: #1a7f9c; --less: #b3541e }
@media (prefers-color-scheme: dark) {
svg { --page: #14191c; --text: #dfe5e8; --muted: #9aa7ae; --line: #333d43; --more: #4fb3d1; --less: #e08a54 }
}
text { fill: var(--text); font-family: system-ui, sans-serif; font-size: 14px }
.small { fill: var(--muted); font-size: 12px }
.line { stroke: var(--line) }
.one { stroke: var(--muted); stroke-width: 2 }
.more { fill: var(--more) }
.less { fill: var(--less) }
</style>
<rect width="100%" height="100%" rx="8" style="fill: var(--page)"/>
<text x="16" y="32" font-weight="600">${HEADING}</text>
${[...lines, ...rows].join("\n")}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
