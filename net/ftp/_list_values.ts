/** The values in the lines of listings: times, sizes, types. */

import { lowerAscii } from "../text.ts";
import type { FtpEntry } from "./codec.ts";

/**
 * The result for one line of a listing: the entry; null for a line without one, such as a heading;
 * undefined for a line of another form.
 */
export type ListedLine = FtpEntry | null | undefined;

/** A form of listings. */
export interface ListFormat {
  /** The name of the form, for developers. */
  readonly name: string;
  /** Returns the listing with each entry on one line. Default: the lines as they are. */
  readonly join?: (lines: readonly string[]) => readonly string[];
  /** Parses one line. */
  readonly parse: (line: string, now: Date) => ListedLine;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Months that some servers write in the language of their system, by the first letters. */
const LOCAL_MONTHS: ReadonlyArray<readonly [RegExp, number]> = [
  [/^(?:jän|janv?|ene|gen|sty|led|янв|ocak)/u, 0],
  [/^(?:fév|févr|lut|úno|фев|şub)/u, 1],
  [/^(?:mär|mars|mrz|maa|mrt|már|мар)/u, 2],
  [/^(?:avr|abr|ápr|kwi|dub|апр|nis)/u, 3],
  [/^(?:mai|maj|mag|máj|май|мая|mei|mayıs)/u, 4],
  [/^(?:juin|giu|cze|čer|июн|jún|haz)/u, 5],
  [/^(?:juil|lug|lip|čvc|июл|júl|tem)/u, 6],
  [/^(?:aoû|août|ago|sie|srp|авг|ağu)/u, 7],
  [/^(?:set|sept|wrz|zář|сен|szep|eyl)/u, 8],
  [/^(?:okt|ott|paź|říj|окт|ekim)/u, 9],
  [/^(?:lis|ноя|kas)/u, 10],
  [/^(?:déc|dez|dic|gru|pro|дек|ara)/u, 11],
];

/** Returns the index of a month from its name or number; undefined for other words. */
export function monthOf(text: string): number | undefined {
  const number = /^(\d{1,2})月?$/.exec(text)?.[1];
  if (number !== undefined) return validMonth(Number(number) - 1);
  const word = text.normalize("NFC").toLowerCase();
  const index = MONTHS.indexOf(lowerAscii(word.slice(0, 3)));
  if (index !== -1) return index;
  return LOCAL_MONTHS.find(([pattern]) => pattern.test(word))?.[1];
}

function validMonth(index: number): number | undefined {
  return index >= 0 && index <= 11 ? index : undefined;
}

/** The parts of a time. The time zone of a listing is unknown; UTC is assumed. */
export interface ListedTime {
  readonly year: number;
  /** The index of the month, from 0. */
  readonly month: number | undefined;
  readonly day: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
}

/** Returns the property `modified` of an entry; empty if the time does not exist. */
export function modifiedAt(
  { year, month, day, hour = 0, minute = 0, second = 0 }: ListedTime,
): { modified?: Date } {
  if (month === undefined || hour > 24 || minute > 59 || second > 60) return {};
  const date = new Date(Date.UTC(year, month, day, hour, minute, second));
  const valid = date.getUTCMonth() === month && (date.getUTCDate() === day || hour === 24);
  return valid ? { modified: date } : {};
}

/** Returns a full year from two or three digits, as computers counted before 2000. */
export function fullYear(text: string): number {
  const year = Number(text);
  if (text.length >= 4) return year;
  // OS/2 counts the years since 1900.
  if (text.length === 3) return 1900 + year;
  return year < 70 ? 2000 + year : 1900 + year;
}

/** Returns the property `size` of an entry; empty if the text is not a size. */
export function sizeIn(text: string | undefined): { size?: number } {
  const digits = text?.replaceAll(/[,.]/g, "");
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? { size: Number(digits) } : {};
}
