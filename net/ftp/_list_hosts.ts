/** Listings of VMS, MVS (z/OS), OS/400 (IBM i), NonStop and z/VM. */

import type { FtpEntry } from "./codec.ts";
import {
  fullYear,
  type ListedLine,
  type ListFormat,
  modifiedAt,
  monthOf,
  sizeIn,
} from "./_list_values.ts";

type Groups = Readonly<Record<string, string>>;

function match(pattern: RegExp, line: string): Groups | undefined {
  return pattern.exec(line)?.groups as Groups | undefined;
}

function clockOf(text = "0:00"): { hour: number; minute: number; second: number } {
  const [hour = 0, minute = 0, second = 0] = text.split(":").map((part) =>
    Math.trunc(Number(part))
  );
  return { hour, minute, second };
}

/** A name with a version, and behind it perhaps the rest on the next line. */
const VMS_NAME = /^[^ \t;]+;\d+[ \t]*$/;

const VMS =
  /^(?<name>[^ \t;]+);(?<version>\d+)(?:[ \t]+(?<size>\d+)(?:\/\d+)?K?(?:KB)?)?[ \t]+(?<day>\d{1,2})-(?<month>\p{L}{3,4})-(?<year>\d{4})(?:[ \t]+(?<clock>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?))?(?:[ \t].*)?$/su;

/** A file that the user may not see, with a message of the system. */
const VMS_REFUSED = /^(?<name>[^ \t;]+);\d+[ \t]+(?:%|\S*no privilege|insufficient)/i;

const VMS_REMARK = /^[ \t]*(?:Directory[ \t]|Total of |Grand total |%\S+-[EFISW]-|\[)/i;

/**
 * The form of VMS. A long name is on a line of its own. Sizes are in blocks, so the size in bytes is unknown.
 * Names have no version: the server takes the latest one.
 */
export const VMS_FORMAT: ListFormat = {
  name: "VMS",
  join(lines) {
    const joined: string[] = [];
    for (const line of lines) {
      const above = joined.at(-1);
      if (above !== undefined && VMS_NAME.test(above)) {
        joined[joined.length - 1] = `${above} ${line.trim()}`;
      } else joined.push(line);
    }
    return joined;
  },
  parse(line): ListedLine {
    const groups = match(VMS, line);
    if (groups !== undefined) {
      const { name = "", day, month = "", year, clock } = groups;
      return {
        ...vmsName(name),
        ...modifiedAt({
          year: Number(year),
          month: monthOf(month),
          day: Number(day),
          ...clockOf(clock),
        }),
      };
    }
    const refused = match(VMS_REFUSED, line);
    if (refused !== undefined) return vmsName(refused.name!);
    return VMS_REMARK.test(line) ? null : undefined;
  },
};

function vmsName(name: string): FtpEntry {
  const bare = /^(.*)\.DIR$/is.exec(name)?.[1];
  return bare === undefined ? { name, type: "file" } : { name: bare, type: "directory" };
}

const MVS_VOLUME =
  /^(?<volume>\S+)[ \t]+(?<unit>\S+)[ \t]+(?<year>\d{4})\/(?<month>\d\d)\/(?<day>\d\d)[ \t]+(?<extents>\d+)[ \t]+(?<used>\d+)[ \t]+(?:(?:\S+)[ \t]+(?:\d+)[ \t]+(?:\d+)[ \t]+)?(?<kind>[A-Z-]{1,4})[ \t]+(?<name>\S+)$/;
const MVS_NO_TIME =
  /^(?<volume>\S+)[ \t]+(?<unit>\S+)[ \t]+\*\*NONE\*\*[ \t]+(?:\S+[ \t]+)*?(?<kind>PS|PO|PO-E|VS|DA|GDG|PATH)[ \t]+(?<name>\S+)$/;
/** Datasets on tape, in the archive, or without a place. */
const MVS_AWAY =
  /^(?:Migrated|ARCIVE|MIGRAT|Tape|Pseudo Directory|Not Mounted|User catalog connector|\S+[ \t]+(?:Tape|Not Direct Access Device|Error determining attributes|Not mounted|GDG|VSAM))(?:[ \t]+\S+)*?[ \t]+(?<name>'?[A-Z0-9@#$-]{1,8}(?:\.[A-Z0-9@#$-]{1,8})*'?)$/i;
const MVS_MEMBER =
  /^[ \t]*(?<name>[A-Z@#$][A-Z0-9@#$]{0,7})[ \t]+\d\d\.\d\d[ \t]+\d{4}\/\d\d\/\d\d[ \t]+(?<year>\d{4})\/(?<month>\d\d)\/(?<day>\d\d)[ \t]+(?<clock>\d\d:\d\d(?::\d\d)?)(?:[ \t]+\d+){3}[ \t]+\S+[ \t]*$/;
/** A member of a library of programs: its size in hexadecimal, and where it is. */
const MVS_PROGRAM =
  /^[ \t]*(?<name>[A-Z@#$][A-Z0-9@#$]{0,7})[ \t]+[0-9A-F]{6,8}[ \t]+[0-9A-F]{6}(?:[ \t]+\S+)*[ \t]*$/;
/** A job, and the files of its output. */
const MVS_JOB =
  /^(?:\S+[ \t]+)?(?<name>(?:JOB|STC|TSU|J|S|T)\d{5,7})[ \t]+(?:\S+[ \t]+)?(?:INPUT|HELD|ACTIVE|OUTPUT)(?:[ \t].*)?$/;
const MVS_HEADING =
  /^[ \t]*(?:Volume[ \t]+Unit[ \t]|Name[ \t]+(?:VV\.MM|Size[ \t]+TTR)|JOBNAME[ \t]+JOBID[ \t])/i;

/** The form of MVS and z/OS: datasets, members of a library, or jobs. The sizes are not in bytes. */
export const MVS_FORMAT: ListFormat = {
  name: "MVS",
  parse(line): ListedLine {
    if (MVS_HEADING.test(line)) return null;
    const dataset = match(MVS_VOLUME, line) ?? match(MVS_NO_TIME, line);
    if (dataset !== undefined) {
      const { name = "", kind = "", year, month, day } = dataset;
      return {
        name: withoutQuotes(name),
        // A partitioned dataset is a library with members.
        type: /^PO/.test(kind) ? "directory" : "file",
        ...year !== undefined &&
          modifiedAt({ year: Number(year), month: Number(month) - 1, day: Number(day) }),
      };
    }
    const member = match(MVS_MEMBER, line);
    if (member !== undefined) {
      const { name = "", year, month, day, clock } = member;
      const time = { year: Number(year), month: Number(month) - 1, day: Number(day) };
      return { name, type: "file", ...modifiedAt({ ...time, ...clockOf(clock) }) };
    }
    const away = match(MVS_AWAY, line);
    if (away !== undefined) {
      const type = /^Pseudo Directory/i.test(line) ? "directory" : "file";
      return { name: withoutQuotes(away.name!), type };
    }
    const other = match(MVS_JOB, line) ?? match(MVS_PROGRAM, line);
    return other && { name: other.name!, type: "file" };
  },
};

function withoutQuotes(name: string): string {
  return name.replace(/^'(.*)'$/s, "$1");
}

const OS400 =
  /^(?<owner>\S+)[ \t]+(?:(?<size>\d+)[ \t]+)?(?:(?<date>\d\d[-/.]\d\d[-/.]\d\d(?:\d\d)?)[ \t]+(?<clock>\d\d:\d\d:\d\d)[ \t]+)?\*(?<kind>[A-Z]+)[ \t]+(?<name>[^ \t](?:.*[^ \t])?)[ \t]*$/s;

/** The form of OS/400: the order of day, month and year is that of the system. */
export const OS400_FORMAT: ListFormat = {
  name: "OS/400",
  parse(line): ListedLine {
    const groups = match(OS400, line);
    if (groups === undefined) return undefined;
    const { size, date, clock, kind = "", name = "" } = groups;
    const bare = name.replace(/\/$/, "");
    const isDirectory = bare !== name || ["DIR", "LIB", "FLR", "DDIR"].includes(kind);
    return {
      name: bare,
      type: isDirectory ? "directory" : kind === "SYMLNK" ? "link" : "file",
      ...!isDirectory && kind === "STMF" && sizeIn(size),
      ...date !== undefined && dateOf(date, clock),
    };
  },
};

/** Returns the time of OS/400, whose parts have an order of their own in each country. */
function dateOf(date: string, clock: string | undefined): { modified?: Date } {
  const [a = "", b = "", c = ""] = date.split(/[-/.]/);
  const german = date.includes(".");
  // YY/MM/DD if the first number can be neither a month nor a day; DD.MM.YY with dots.
  const [year, month, day] = Number(a) > 31
    ? [a, b, c]
    : german || Number(a) > 12
    ? [c, b, a]
    : [c, a, b];
  return modifiedAt({
    year: fullYear(year),
    month: Number(month) - 1,
    day: Number(day),
    ...clockOf(clock),
  });
}

const NONSTOP =
  /^(?<name>[A-Z$][A-Z0-9]{0,7})[ \t]+(?<open>O[ \t]+)?(?<code>\d+L?P?\+?)[ \t]+(?<size>\d+)[ \t]+(?<day>\d{1,2})-(?<month>[A-Za-z]{3})-(?<year>\d\d)[ \t]+(?<clock>\d{1,2}:\d\d(?::\d\d)?)[ \t]+\d+,[ \t]*\d+[ \t]+"?\S+"?[ \t]*$/;

/** The form of NonStop (Tandem). */
export const NONSTOP_FORMAT: ListFormat = {
  name: "NonStop",
  parse(line): ListedLine {
    if (/^[ \t]*(?:File[ \t]+Code[ \t]+EOF|(?:\\[A-Z0-9]+\.)?\$[A-Z0-9]+\.[A-Z0-9]+$)/.test(line)) {
      return null;
    }
    const groups = match(NONSTOP, line);
    if (groups === undefined) return undefined;
    const { name = "", size, day, month = "", year = "", clock } = groups;
    const time = { year: fullYear(year), month: monthOf(month), day: Number(day) };
    return { name, type: "file", ...sizeIn(size), ...modifiedAt({ ...time, ...clockOf(clock) }) };
  },
};

const ZVM =
  /^(?<name>\S+)[ \t]+(?<kind>\S+)[ \t]+(?<form>[VF])[ \t]+\d+[ \t]+\d+[ \t]+\d+[ \t]+(?<date>\d{4}-\d\d-\d\d|\d{1,2}\/\d\d\/\d\d)[ \t]+(?<clock>\d{1,2}:\d\d:\d\d)[ \t]+\S+$/;
const ZVM_DIRECTORY =
  /^(?<name>\S+)[ \t]+DIR(?:[ \t]+-){3,4}[ \t]+(?<date>\d{4}-\d\d-\d\d|\d{1,2}\/\d\d\/\d\d)[ \t]+(?<clock>\d{1,2}:\d\d:\d\d)[ \t]+\S+$/;

/** The form of z/VM: name and type are joined by a dot. The sizes are in records. */
export const ZVM_FORMAT: ListFormat = {
  name: "z/VM",
  parse(line): ListedLine {
    const folder = match(ZVM_DIRECTORY, line);
    const groups = folder ?? match(ZVM, line);
    if (groups === undefined) return undefined;
    const { name = "", kind = "", date = "", clock } = groups;
    const [first = "", second = "", third = ""] = date.split(/[-/]/);
    const iso = date.includes("-");
    return {
      name: folder === undefined ? `${name}.${kind}` : name,
      type: folder === undefined ? "file" : "directory",
      ...modifiedAt({
        year: fullYear(iso ? first : third),
        month: Number(iso ? second : first) - 1,
        day: Number(iso ? third : second),
        ...clockOf(clock),
      }),
    };
  },
};
