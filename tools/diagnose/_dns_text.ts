/** Shows the answers of name servers. */

import { describeDnsError } from "../../net/dns/extension.ts";
import { formatDnsRecord } from "../../net/dns/record.ts";
import { nameKey } from "../../net/internal/dns_answers.ts";
import { count, showTime } from "../internal/text.ts";
import { comparisonLines } from "../internal/dns_comparison.ts";
import { otherSections } from "../internal/dns_text.ts";
import { traceLine } from "../internal/dns_trace.ts";
import type { DnsComparison, DnsStep } from "./diagnosis.ts";

/** Most records of one answer to show. */
const MAX_ROWS = 20;

/** Returns the queries of a trace, the comparisons, and the answers; only their numbers unless `full`. */
export function dnsDetails(
  { answers, trace = [], comparisons = [] }: DnsStep,
  { full, all }: { full: boolean; all: boolean },
): string[] {
  const types = new Set(trace.map(({ type }) => type));
  return [
    ...trace.map((query) => `${types.size > 1 ? `${query.type} ` : ""}${traceLine(query)}`),
    ...comparisonDetails(comparisons),
    ...answerDetails(answers, full, all),
    ...(all ? answers.flatMap(otherSections) : []),
  ];
}

/** Returns what two servers answer for each type, and the types that they have no records of. */
function comparisonDetails(comparisons: readonly DnsComparison[]): string[] {
  const isEmpty = ({ equal, both }: DnsComparison) => equal && both.length === 0;
  const none = comparisons.filter(isEmpty);
  return [
    ...comparisons.filter((one) => !isEmpty(one)).flatMap(comparisonLines),
    ...(none.length === 0 ? [] : [`none: ${none.map(({ type }) => type).join(", ")}`]),
  ];
}

/** Returns the records or their number, the types without records, and the name server. */
function answerDetails(answers: DnsStep["answers"], full: boolean, all: boolean): string[] {
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
      const most = all ? Infinity : MAX_ROWS;
      for (const record of records.slice(0, most)) {
        const other = nameKey(record.name) === nameKey(questions[0]?.name ?? "")
          ? ""
          : ` (${record.name})`;
        const ttl = `${record.ttl} s`.padStart(8);
        rows.add(`${record.type.padEnd(6)}${ttl}  ${formatDnsRecord(record)}${other}`);
      }
      const more = records.length - most;
      if (more > 0) rows.add(`… and ${more} more ${type} (--all shows them)`);
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
