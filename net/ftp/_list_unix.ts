/** Listings in the form of `ls -l`, as Unix and most other systems write them. */

import type { FtpEntry } from "./codec.ts";
import { type ListedLine, type ListFormat, modifiedAt, monthOf, sizeIn } from "./_list_values.ts";

const GAP = String.raw`[ \t]+`;
const DAY = String.raw`(?<day>\d{1,2})(?:\.|日)?`;
/** The name of a month, which may be in the language of the server. */
const MONTH = String.raw`(?<month>\p{L}[\p{L}\p{M}]{1,8}\.?|\d{1,2}月)`;
const NUMERIC = String.raw`(?<year>\d{4})[-/.](?<number>\d\d)[-/.](?<date>\d\d)`;
const CLOCK = String.raw`\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?`;
/** The size; devices have two numbers there. */
const SIZE = String.raw`(?<size>\d+|\d+,[ \t]*\d+)`;
const TIME =
  String.raw`(?:(?:${MONTH}${GAP}${DAY}|${DAY}${GAP}${MONTH})${GAP}(?<when>\d{4}年?|${CLOCK})|` +
  String.raw`${NUMERIC}(?:${GAP}(?<clock>${CLOCK})(?: [-+]\d{4})?)?)`;

/** The columns: type and permissions, links, owners, size, time, name. */
const UNIX = new RegExp(
  String
    .raw`^(?<mark>[-bcdDlnpPs])[-rwxsStTlL]{9}[.+@]?(?:${GAP}\d+)?(?:${GAP}[^ \t]+){0,6}?${GAP}` +
    String.raw`${SIZE}${GAP}${TIME}[ \t](?<rest>.+)$`,
  "su",
);

/** NetWare writes the rights of the user in brackets. */
const NETWARE = new RegExp(
  String
    .raw`^(?<mark>[-d])[ \t]?\[[-RWCEAFMS]{1,10}\]${GAP}(?:[^ \t]+${GAP}){1,2}?${SIZE}${GAP}${TIME}` +
    String.raw`${GAP}(?<rest>.+)$`,
  "su",
);

/** MacOS writes the sizes of both forks, and the word folder. */
const CLASSIC_MAC = new RegExp(
  String
    .raw`^(?<mark>[-d])[-rwx]{9}${GAP}(?:folder${GAP}(?<size>\d+)|\d+${GAP}\d+${GAP}(?<sum>\d+))` +
    String.raw`${GAP}${TIME}[ \t](?<rest>.+)$`,
  "su",
);

/** Lines that `ls` writes beside the entries. */
const REMARK =
  /^(?:total[ \t:]|(?:[^ \t]*\/)?ls: |[^:]+:$|总用量|總計|合計|gesamt |итого |összesen |insgesamt )/iu;

function entryOf(groups: Readonly<Record<string, string | undefined>>, now: Date): FtpEntry {
  const { mark = "", size, sum, rest = "" } = groups;
  const type = mark === "-" ? "file" : mark === "d" ? "directory" : mark === "l" ? "link" : "other";
  const arrow = type === "link" ? rest.indexOf(" -> ") : -1;
  return {
    name: arrow === -1 ? rest : rest.slice(0, arrow),
    type,
    ...type === "file" && sizeIn(sum ?? size),
    ...timeIn(groups, now),
    ...arrow !== -1 && { target: rest.slice(arrow + 4) },
  };
}

function timeIn(
  groups: Readonly<Record<string, string | undefined>>,
  now: Date,
): { modified?: Date } {
  const { year, number, date, clock, month = "", day = "", when = "" } = groups;
  const [hour = 0, minute = 0, second = 0] = (clock ?? (when.includes(":") ? when : ""))
    .split(":").map((part) => Math.trunc(Number(part.replace(",", "."))));
  const time = { hour, minute, second };
  if (year !== undefined) {
    return modifiedAt({
      year: Number(year),
      month: Number(number) - 1,
      day: Number(date),
      ...time,
    });
  }
  const position = { month: monthOf(month), day: Number(day) };
  if (!when.includes(":")) return modifiedAt({ year: Number.parseInt(when), ...position });
  const thisYear = modifiedAt({ year: now.getUTCFullYear(), ...position, ...time });
  const future = (thisYear.modified?.getTime() ?? 0) > now.getTime() + 86_400_000;
  if (thisYear.modified !== undefined && !future) return thisYear;
  // A time without a year is in the last twelve months. A day is allowed for clocks and time zones.
  return modifiedAt({ year: now.getUTCFullYear() - 1, ...position, ...time });
}

function parserOf(pattern: RegExp): (line: string, now: Date) => ListedLine {
  return (line, now) => {
    const groups = pattern.exec(line)?.groups;
    if (groups !== undefined) return entryOf(groups, now);
    return REMARK.test(line) ? null : undefined;
  };
}

/** The columns up to a year, and one blank. */
const AGED = /^([-bcdDlnpPs][-rwxsStTlL]{9}.*?[ \t]\d{1,2}[ \t]+\d{4})[ \t]/;
const PADDED = new RegExp(`${AGED.source}[ \\t]`);

/**
 * The form of `ls -l`. AIX fills the year up to the width of a time. A blank behind each year is then not a
 * part of the name.
 */
export const UNIX_FORMAT: ListFormat = {
  name: "Unix",
  join(lines) {
    let isPadded = false;
    for (const line of lines) {
      if (!AGED.test(line)) continue;
      isPadded = PADDED.test(line);
      if (!isPadded) break;
    }
    if (!isPadded) return lines;
    return lines.map((line) => line.replace(PADDED, "$1 "));
  },
  parse: parserOf(UNIX),
};

/** The form of NetWare. */
export const NETWARE_FORMAT: ListFormat = { name: "NetWare", parse: parserOf(NETWARE) };

/** The form of servers on the old MacOS. */
export const MAC_FORMAT: ListFormat = { name: "MacOS", parse: parserOf(CLASSIC_MAC) };
