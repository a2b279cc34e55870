import { parseList } from "../header_list.ts";

/** The limits of a server for an idle connection: `Keep-Alive: timeout=5, max=100` (RFC 2068 §19.7.1). */
export interface KeepAlive {
  /** The longest idle time in milliseconds; Infinity if it is not stated. */
  readonly timeout: number;
  /** The number of further requests; Infinity if it is not stated. */
  readonly max: number;
}

const PARAMETER = /^(timeout|max)[ \t]*=[ \t]*"?(\d{1,9})/i;

/** Reads the value of a `Keep-Alive` field. Unknown and malformed parameters are ignored. */
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
