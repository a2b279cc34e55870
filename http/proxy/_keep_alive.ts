import { parseList } from "../header_list.ts";

/** What a server says about an idle connection: `Keep-Alive: timeout=5, max=100` (RFC 2068 §19.7.1). */
export interface KeepAlive {
  /** How long it keeps the connection, in milliseconds; Infinity unless it says so. */
  readonly timeout: number;
  /** How many requests it still takes; Infinity unless it says so. */
  readonly max: number;
}

const PARAMETER = /^(timeout|max)[ \t]*=[ \t]*"?(\d{1,9})/i;

/** Reads the value of a `Keep-Alive` field. What is unknown or malformed says nothing. */
export function readKeepAlive(value: string): KeepAlive {
  let [timeout, max] = [Infinity, Infinity];
  for (const member of parseList(value)) {
    const [, name, digits] = PARAMETER.exec(member) ?? [];
    if (name === undefined) continue;
    if (name.length === 3) max = Math.min(max, Number(digits));
    else timeout = Math.min(timeout, Number(digits) * 1000);
  }
  return { timeout, max };
}
