/** Compares the answers of two servers. */

import type { DnsAnswer } from "../../net/dns/client.ts";
import { formatDnsRecord } from "../../net/dns/record.ts";
import { lowerAscii } from "../../net/text.ts";

/** The records of two answers, without their TTLs. */
export interface Comparison {
  /** Whether both have the same code and the same records. */
  readonly equal: boolean;
  /** The servers of both answers. */
  readonly servers: readonly [string, string];
  /** The response codes of both answers. */
  readonly codes: readonly [string, string];
  /** The records that only one of them has. */
  readonly only: readonly [readonly string[], readonly string[]];
  /** The records that both have. */
  readonly both: readonly string[];
}

function recordsOf({ answers }: DnsAnswer): Set<string> {
  return new Set(
    answers.map((record) => `${lowerAscii(record.name)} ${record.type} ${formatDnsRecord(record)}`),
  );
}

/** Compares two answers. The order of the records and their TTLs do not matter. */
export function compareAnswers(first: DnsAnswer, second: DnsAnswer): Comparison {
  const [one, two] = [recordsOf(first), recordsOf(second)];
  const only = [[...one.difference(two)].sort(), [...two.difference(one)].sort()] as const;
  return {
    equal: first.code === second.code && only[0].length === 0 && only[1].length === 0,
    servers: [first.server, second.server],
    codes: [first.code, second.code],
    only,
    both: [...one.intersection(two)].sort(),
  };
}

/** Returns the lines for a comparison. */
export function comparisonLines(name: string, type: string, found: Comparison): string[] {
  const { equal, servers, codes, only, both } = found;
  const lines = [`${name} ${type}: ${equal ? "the answers are equal" : "the answers differ"}`];
  for (const record of both) lines.push(`  both  ${record}`);
  for (const i of [0, 1] as const) {
    for (const record of only[i]) lines.push(`  only ${servers[i]}  ${record}`);
  }
  lines.push(
    codes[0] === codes[1]
      ? `  ${codes[0]} by ${servers.join(" and ")}`
      : `  ${codes[0]} by ${servers[0]}, ${codes[1]} by ${servers[1]}`,
  );
  return lines;
}
