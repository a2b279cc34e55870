/** Compares the answers of two name servers. It does no I/O. */

import type { DnsAnswer } from "../../net/dns/client.ts";
import { formatDnsRecord } from "../../net/dns/record.ts";
import { lowerAscii } from "../../net/text.ts";
import type { DnsComparison } from "../diagnose/diagnosis.ts";

function recordsOf({ answers }: DnsAnswer): Set<string> {
  return new Set(
    answers.map((record) => `${lowerAscii(record.name)} ${record.type} ${formatDnsRecord(record)}`),
  );
}

/** Compares two answers. The order of the records and their TTLs do not matter. */
export function compareAnswers(type: string, first: DnsAnswer, second: DnsAnswer): DnsComparison {
  const [one, two] = [recordsOf(first), recordsOf(second)];
  const only = [[...one.difference(two)].sort(), [...two.difference(one)].sort()] as const;
  return {
    type,
    equal: first.code === second.code && only[0].length === 0 && only[1].length === 0,
    servers: [first.server, second.server],
    codes: [first.code, second.code],
    only,
    both: [...one.intersection(two)].sort(),
  };
}

/** Returns the lines for a comparison. */
export function comparisonLines(
  { type, equal, servers, codes, only, both }: DnsComparison,
): string[] {
  const lines = [`${type}: ${equal ? "the answers are equal" : "the answers differ"}`];
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
