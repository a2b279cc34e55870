/** Parses `Set-Cookie` (RFC 6265bis §5.6). Pure: the clock is an argument. */

import { trimBlanks } from "../../net/text.ts";

/** A parsed `Set-Cookie`. */
export interface ParsedCookie {
  readonly name: string;
  readonly value: string;
  /** The attribute `Domain` in lower case without its first dot; undefined or "" without one. */
  readonly domain: string | undefined;
  /** The attribute `Path`; undefined if it is missing or does not begin with a slash. */
  readonly path: string | undefined;
  /** The expiry in milliseconds since 1970; undefined for a cookie of the session. */
  readonly expires: number | undefined;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: "strict" | "lax" | "none" | undefined;
}

/** The largest name and value together, in bytes (§5.6 step 5). */
const MAX_PAIR = 4096;
/** The largest value of an attribute, in bytes. */
const MAX_ATTRIBUTE = 1024;
/** The longest life of a cookie in milliseconds: 400 days (§5.5). */
const MAX_AGE = 400 * 24 * 3600 * 1000;

/** Parses a value of `Set-Cookie`; returns undefined for one that must be ignored. */
export function parseSetCookie(text: string, now: number): ParsedCookie | undefined {
  if (hasControls(text)) return undefined;
  const [pair = "", ...attributes] = text.split(";");
  const equals = pair.indexOf("=");
  // Without an equals sign, the name is empty.
  const name = trimBlanks(pair.slice(0, Math.max(0, equals)));
  const value = trimBlanks(pair.slice(equals + 1));
  if (name === "" && value === "") return undefined;
  if (sizeOf(name) + sizeOf(value) > MAX_PAIR) return undefined;
  return { name, value, ...attributesOf(attributes, now) };
}

/** Returns whether a text has control characters other than a tab. */
export function hasControls(text: string): boolean {
  // deno-lint-ignore no-control-regex -- they make the whole cookie invalid
  return /[\x00-\x08\x0a-\x1f\x7f]/.test(text);
}

type Attributes = Omit<ParsedCookie, "name" | "value">;

/** Reads the attributes. The last one of a name counts, and `Max-Age` overrides `Expires`. */
function attributesOf(attributes: readonly string[], now: number): Attributes {
  const found = new Map<string, string>();
  for (const attribute of attributes) {
    const equals = attribute.indexOf("=");
    const name = trimBlanks(equals < 0 ? attribute : attribute.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? "" : trimBlanks(attribute.slice(equals + 1));
    if (sizeOf(value) > MAX_ATTRIBUTE || !isReadable(name, value)) continue;
    found.set(name, value);
  }
  const age = found.get("max-age");
  const date = found.get("expires");
  const expires = age !== undefined
    ? age.startsWith("-") ? 0 : now + Math.min(Number(age) * 1000, MAX_AGE)
    : date === undefined
    ? undefined
    : Math.min(parseCookieDate(date)!, now + MAX_AGE);
  const path = found.get("path");
  const sameSite = found.get("samesite")?.toLowerCase();
  return {
    domain: found.get("domain")?.toLowerCase().replace(/^\./, ""),
    path: path?.startsWith("/") ? path : undefined,
    expires,
    secure: found.has("secure"),
    httpOnly: found.has("httponly"),
    sameSite: sameSite === "strict" || sameSite === "lax" || sameSite === "none"
      ? sameSite
      : undefined,
  };
}

/** Returns whether an attribute counts. A malformed date or age is as if it were not there. */
function isReadable(name: string, value: string): boolean {
  if (name === "max-age") return /^-?\d+$/.test(value);
  return name !== "expires" || parseCookieDate(value) !== undefined;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Parses a date as browsers do (§5.1.1): its tokens in any order, whatever separates them. */
function parseCookieDate(text: string): number | undefined {
  let [time, day, month, year]: (number | undefined)[] = [];
  // The delimiters of the specification: everything but letters, digits, colons and non-ASCII.
  for (const token of text.split(/[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/)) {
    const clock = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)/.exec(token);
    if (time === undefined && clock !== null) {
      const [hours, minutes, seconds] = clock.slice(1).map(Number) as [number, number, number];
      if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
      time = ((hours * 60 + minutes) * 60 + seconds) * 1000;
    } else if (day === undefined && /^\d{1,2}(?:\D|$)/.test(token)) day = parseInt(token, 10);
    else if (month === undefined && MONTHS.includes(token.slice(0, 3).toLowerCase())) {
      month = MONTHS.indexOf(token.slice(0, 3).toLowerCase());
    } else if (year === undefined && /^\d{2,4}(?:\D|$)/.test(token)) year = parseInt(token, 10);
  }
  if (time === undefined || day === undefined || month === undefined || year === undefined) {
    return undefined;
  }
  if (year < 100) year += year < 70 ? 2000 : 1900;
  if (year < 1601 || day < 1) return undefined;
  const date = new Date(Date.UTC(year, month, day) + time);
  return date.getUTCDate() === day ? date.getTime() : undefined;
}

function sizeOf(text: string): number {
  // Headers have one character for each byte. Callers may pass other text.
  return /^[\0-\xff]*$/.test(text) ? text.length : new TextEncoder().encode(text).length;
}
