/** Shows the answers of name servers. */

import { describeDnsError } from "../../net/dns/extension.ts";
import { formatDnsRecord } from "../../net/dns/record.ts";
import { nameKey } from "../../net/internal/dns_answers.ts";
import { count, showTime } from "../internal/text.ts";
import type { DnsStep } from "./diagnosis.ts";

/** Most records of one answer to show. */
const MAX_ROWS = 20;

/** Returns the records or their number, the types without records, and the name server. */
export function dnsDetails(answers: DnsStep["answers"], full: boolean): string[] {
  const [first] = answers;
  if (first === undefined) return [];
  const reasons = answers.flatMap(({ extension }) => extension?.errors ?? []).map(describeDnsError);
  const validated = answers.every(({ authenticated }) => authenticated);
  // The answer for each type repeats the chain of aliases.
  const rows = new Set<string>();
  const none = new Map<string, string[]>();
  for (const { type, code, questions, answers: records } of answers) {
    if (records.length === 0) {
      const why = code === "NOERROR" ? "none" : code;
      none.set(why, [...none.get(why) ?? [], type]);
    } else if (!full) rows.add(`${type}: ${count(records.length, "record")}`);
    else {
      for (const record of records.slice(0, MAX_ROWS)) {
        const other = nameKey(record.name) === nameKey(questions[0]?.name ?? "")
          ? ""
          : ` (${record.name})`;
        const ttl = `${record.ttl} s`.padStart(8);
        rows.add(`${record.type.padEnd(6)}${ttl}  ${formatDnsRecord(record)}${other}`);
      }
      if (records.length > MAX_ROWS) rows.add(`… and ${records.length - MAX_ROWS} more ${type}`);
    }
  }
  const times = answers.map(({ time }) => time);
  const [least, most] = [Math.min(...times), Math.max(...times)].map(showTime);
  const transports = [...new Set(answers.map(({ transport }) => transport))].join(" and ");
  return [
    ...rows,
    ...[...none].map(([why, types]) => `${why}: ${types.join(", ")}`),
    ...new Set(reasons),
    ...(validated ? ["validated by the name server (AD)"] : []),
    `${first.server} over ${transports} in ${least === most ? least : `${least} to ${most}`}`,
  ];
}
