/** Tells which records of an answer belong to its question. It does no I/O. */

import { lowerAscii } from "../text.ts";

/** Most aliases to follow, so that a loop of them ends. */
const MAX_ALIASES = 32;

interface AnyRecord {
  readonly name: string;
  readonly type: string;
}

/**
 * Removes the records of a type that belong neither to a name nor to the one that its aliases (CNAME)
 * lead to. A server may add records of other names, which must not be used (RFC 5452 §6).
 */
export function withoutForeign<T extends AnyRecord>(
  name: string,
  type: string,
  records: readonly T[],
): T[] {
  const aliases = new Map<string, string>();
  for (const record of records) {
    if (record.type === "CNAME" && "target" in record) {
      aliases.set(nameKey(record.name), nameKey(`${record.target}`));
    }
  }
  const names = new Set<string>();
  let next: string | undefined = nameKey(name);
  while (next !== undefined && !names.has(next) && names.size <= MAX_ALIASES) {
    names.add(next);
    next = aliases.get(next);
  }
  return records.filter((record) => record.type !== type || names.has(nameKey(record.name)));
}

/** Returns a name in the form in which equal names are equal: lower case, without the dot at its end. */
export function nameKey(name: string): string {
  return lowerAscii(name.replace(/(?<!\\)\.$/, ""));
}
