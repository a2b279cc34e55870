/** Listings of DOS, Windows and OS/2, and the form that is easy to parse. */

import type { FtpEntry } from "./codec.ts";
import { fullYear, type ListFormat, modifiedAt, sizeIn } from "./_list_values.ts";

const CLOCK = String
  .raw`(?<hour>\d{1,2}):(?<minute>\d\d)(?::(?<second>\d\d))?[ \t]*(?<half>[AP]M?)?`;
const WHAT = String.raw`(?:<(?<kind>DIR|JUNCTION|SYMLINKD?)>|(?<size>\d[\d,.]*))`;

/** The time first: `04-27-00  09:09PM <DIR> name`, with two or four digits of the year, or ISO. */
const DOS = new RegExp(
  String.raw`^(?:(?<year>\d{4})[-/.](?<month>\d\d)[-/.](?<day>\d\d)|` +
    String.raw`(?<month2>\d\d)(?<mark>[-/.])(?<day2>\d\d)\k<mark>(?<year2>\d{4}|\d\d))` +
    String.raw`[ \t]+${CLOCK}[ \t]+${WHAT}[ \t]+(?<name>.+)$`,
  "is",
);

function clockIn({ hour, minute, second = "0", half }: Readonly<Record<string, string>>) {
  const shifted = half === undefined
    ? Number(hour)
    : Number(hour) % 12 + (/^p/i.test(half) ? 12 : 0);
  return { hour: shifted, minute: Number(minute), second: Number(second) };
}

/** The form of DOS and Windows. With dots between the numbers, the day comes first. */
export const DOS_FORMAT: ListFormat = {
  name: "DOS",
  parse(line) {
    const groups = DOS.exec(line)?.groups as Record<string, string> | undefined;
    if (groups === undefined) return undefined;
    const { year, year2 = "", mark, kind, size, name = "" } = groups;
    const [first, second] = [groups.month2, groups.day2];
    const [month, day] = year !== undefined
      ? [groups.month, groups.day]
      : mark === "." || Number(first) > 12
      ? [second, first]
      : [first, second];
    const end = /^SYMLINK|^JUNCTION/i.test(kind ?? "") ? targetAt(name) : -1;
    const type = kind === undefined ? "file" : /^DIR$/i.test(kind) ? "directory" : "link";
    return {
      name: end === -1 ? name : name.slice(0, end),
      type,
      ...type === "file" && sizeIn(size),
      ...modifiedAt({
        year: fullYear(year ?? year2),
        month: Number(month) - 1,
        day: Number(day),
        ...clockIn(groups),
      }),
      ...end !== -1 && { target: name.slice(end + 2, -1) },
    };
  },
};

/** Returns the position of the target in `name [target]`; -1 if there is none. */
function targetAt(name: string): number {
  if (!name.endsWith("]")) return -1;
  const at = name.indexOf(" [", name.lastIndexOf("]", name.length - 2) + 1);
  return at < name.length - 3 ? at : -1;
}

/** The size first, then attributes and the time, with years since 1900. */
const OS2 =
  /^[ \t]*(?<size>\d+)[ \t]+(?<kind>DIR|[ADHRS]+)?(?:[ \t]+[ADHRS]+)?[ \t]+(?<month>\d\d)-(?<day>\d\d)-(?<year>\d{2,4})[ \t]+(?<hour>\d{1,2}):(?<minute>\d\d)[ \t]+(?<name>.+)$/s;

/** The form of OS/2. */
export const OS2_FORMAT: ListFormat = {
  name: "OS/2",
  parse(line) {
    const groups = OS2.exec(line)?.groups as Record<string, string> | undefined;
    if (groups === undefined) return undefined;
    const { size, kind, year = "", month, day, name = "" } = groups;
    const isDirectory = kind === "DIR";
    return {
      name,
      type: isDirectory ? "directory" : "file",
      ...!isDirectory && sizeIn(size),
      ...modifiedAt({
        year: fullYear(year),
        month: Number(month) - 1,
        day: Number(day),
        ...clockIn(groups),
      }),
    };
  },
};

/** EPLF: facts between commas, a tab, and the name. */
export const EPLF_FORMAT: ListFormat = {
  name: "EPLF",
  parse(line): FtpEntry | undefined {
    const [, facts, name = ""] = /^\+([^\t]*)\t(.+)$/s.exec(line) ?? [];
    if (facts === undefined) return undefined;
    const all = facts.split(",");
    const value = (letter: string) => all.find((fact) => fact.startsWith(letter))?.slice(1);
    const seconds = value("m");
    const isDirectory = all.includes("/");
    return {
      name,
      type: isDirectory ? "directory" : all.includes("r") ? "file" : "other",
      ...!isDirectory && sizeIn(value("s")),
      ...seconds !== undefined && /^\d{1,12}$/.test(seconds) && {
        modified: new Date(Number(seconds) * 1000),
      },
      ...value("i") !== undefined && { unique: value("i")! },
    };
  },
};
