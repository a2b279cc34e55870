/** Formats the statistics of a path as a table. It does no I/O. */

import type { WatchedHop, WatchedPath } from "../diagnose/watch_options.ts";
import { escapeControls } from "../../net/text.ts";
import { count } from "./text.ts";

/** The look of a table. */
export interface TableLook {
  /** The number of columns. */
  readonly width: number;
  /** Maximum number of hops to show. */
  readonly height: number;
  readonly color: boolean;
}

const LEVELS = "▁▂▃▄▅▆▇█";
/** The mark of a request without an answer. */
const LOST = "×";
/** The columns of the numbers: loss, sent, and six times. */
const NUMBERS = 6 + 6 + 5 * 7;
/** Minimum columns of an address, and of a sparkline. */
const ADDRESS = 15;
const SPARKLINE = 8;

/** Returns a table with a row for each hop: loss, times, jitter, and the last times as a sparkline. */
export function pathTable(path: WatchedPath, { width, height, color }: TableLook): string[] {
  const { host, address, rounds, hops } = path;
  const paint = (text: string, code: number) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  const longest = Math.max(ADDRESS, ...hops.map((hop) => nameOf(hop).length));
  const names = Math.min(longest, Math.max(ADDRESS, width - 4 - NUMBERS - SPARKLINE - 2));
  const graph = Math.min(60, Math.max(0, width - 4 - names - NUMBERS - 1));
  const title = host === address ? host : `${host} (${address})`;
  const head = `${" ".repeat(4)}${"address".padEnd(names)}${
    ["loss", "sent"].map((name) => name.padStart(6)).join("")
  }${["last", "best", "avg", "worst", "jitter"].map((name) => name.padStart(7)).join("")}`;
  const rows = hops.slice(0, height).map((hop) => {
    const name = fit(nameOf(hop), names);
    const loss = percent(hop.loss).padStart(6);
    const colored = hop.loss === 0 ? loss : paint(loss, hop.loss < 0.1 ? 33 : 31);
    const times = [hop.last, hop.best, hop.average, hop.worst, hop.jitter].map(milliseconds);
    return `${`${hop.hop}`.padStart(3)} ${name}${colored}${`${hop.sent}`.padStart(6)}${
      times.map((time) => time.padStart(7)).join("")
    } ${paint(sparkline(hop.samples, graph), 36)}`.trimEnd();
  });
  const more = hops.length > height ? [`    and ${count(hops.length - height, "hop")} more`] : [];
  return [
    `${escapeControls(title)}, ${count(rounds, "round")}, times in milliseconds`,
    head.trimEnd(),
    ...rows,
    ...more,
    ...(isLimited(path) ? [LIMITED] : []),
  ];
}

const LIMITED = "    A router that loses more than the host limits its reports.";

/** Returns whether a router on the way loses clearly more than the host behind it. */
function isLimited({ reached, hops }: WatchedPath): boolean {
  const end = hops.at(-1)?.loss ?? 1;
  return reached &&
    hops.slice(0, -1).some(({ loss, received }) => received > 0 && loss > end + 0.05);
}

function nameOf({ addresses: [first = "*", ...others] }: WatchedHop): string {
  return escapeControls(others.length === 0 ? first : `${first} +${others.length}`);
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function percent(part: number): string {
  const shown = part * 100;
  return `${shown > 0 && shown < 10 ? shown.toFixed(1) : shown.toFixed(0)}%`;
}

/** Formats milliseconds in at most six characters. */
function milliseconds(time: number | undefined): string {
  if (time === undefined) return "-";
  return time.toFixed(time >= 999.95 ? 0 : time >= 9.995 ? 1 : 2);
}

/** Returns the last times as a line of blocks, from the shortest to the longest of them. */
export function sparkline(samples: readonly (number | undefined)[], width: number): string {
  if (width <= 0) return "";
  const shown = samples.slice(-width);
  const times = shown.filter((time) => time !== undefined);
  const least = Math.min(...times);
  // Small differences must not look large.
  const range = Math.max(Math.max(...times) - least, least / 4, 0.1);
  return shown.map((time) => {
    if (time === undefined) return LOST;
    return LEVELS[Math.min(7, Math.round((time - least) / range * 7))];
  }).join("");
}
