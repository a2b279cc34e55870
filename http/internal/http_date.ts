let second = 0;
let text = "";

/** Returns the current time as the value of `Date` (RFC 9110 §5.6.7), formatted once per second. */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}

const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const SHORT = DAYS.map((day) => day.slice(0, 3)).join("|");
const MONTH = MONTHS.join("|");
const TIME = "(\\d{2}):(\\d{2}):(\\d{2})";

/** Sun, 06 Nov 1994 08:49:37 GMT */
const FIXED = new RegExp(`^(?:${SHORT}), (\\d{2}) (${MONTH}) (\\d{4}) ${TIME} GMT$`);
/** Sunday, 06-Nov-94 08:49:37 GMT */
const RFC_850 = new RegExp(`^(?:${DAYS.join("|")}), (\\d{2})-(${MONTH})-(\\d{2}) ${TIME} GMT$`);
/** Sun Nov  6 08:49:37 1994 */
const ASCTIME = new RegExp(`^(?:${SHORT}) (${MONTH}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/**
 * Parses one of the three forms of an HTTP date (RFC 9110 §5.6.7). All of them are UTC.
 *
 * `Date.parse` also accepts local times, other formats and words such as "Wait 2099", so it is not
 * suitable for headers.
 *
 * @param value The value of the header.
 * @param now The current time in milliseconds since 1970. It decides the century of two-digit years.
 * @returns The time in milliseconds since 1970, or undefined if the value is not an HTTP date.
 */
export function parseHttpDate(value: string, now: number = Date.now()): number | undefined {
  const fixed = FIXED.exec(value);
  if (fixed !== null) return timeOf(fixed[3]!, fixed[2]!, fixed[1]!, fixed.slice(4));
  const old = RFC_850.exec(value);
  if (old !== null) {
    const thisYear = new Date(now).getUTCFullYear();
    let year = thisYear - thisYear % 100 + Number(old[3]);
    // A year more than 50 years in the future is in the past.
    if (year > thisYear + 50) year -= 100;
    return timeOf(year, old[2]!, old[1]!, old.slice(4));
  }
  const c = ASCTIME.exec(value);
  return c === null ? undefined : timeOf(c[6]!, c[1]!, c[2]!, c.slice(3, 6));
}

function timeOf(
  year: string | number,
  month: string,
  day: string,
  [hour, minute, second]: readonly string[],
): number | undefined {
  const index = MONTHS.indexOf(month);
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)];
  if (h > 23 || m > 59 || s > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), index, d);
  // 30 February and day 0 would be in another month.
  if (date.getUTCMonth() !== index || date.getUTCDate() !== d) return undefined;
  // A leap second counts as the second before it.
  return date.setUTCHours(h, m, Math.min(s, 59));
}
