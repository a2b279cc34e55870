/** Writes answers as lines of text. It does no I/O. */

import type { DnsAnswer } from "../../net/dns/client.ts";
import type { DnsMessage } from "../../net/dns/codec.ts";
import { describeDnsError } from "../../net/dns/extension.ts";
import { type DnsRecord, type DnsType, formatDnsRecord } from "../../net/dns/record.ts";
import { withoutForeign } from "../../net/internal/dns_answers.ts";
import { count, showTime } from "./text.ts";

/** Most records of a section to show without `--all`. */
const MAX_ROWS = 8;

/** Returns whether an answer has records of a type, for the name or for that of an alias. */
export function hasRecords(type: DnsType, { questions, answers }: DnsMessage): boolean {
  const name = questions[0]?.name ?? answers[0]?.name ?? ".";
  return withoutForeign(name, type, answers).some((record) => record.type === type);
}

/** Returns the lines for one answer. */
export function answerLines(type: DnsType, answer: DnsAnswer, all: boolean): string[] {
  const { answers, extension } = answer;
  return [
    ...rowsOf(answers, all),
    ...absence(type, answer),
    ...(all ? otherSections(answer) : []),
    ...(extension?.errors ?? []).map((error) => `  ! ${describeDnsError(error)}`),
    `  ${statusOf(answer)}`,
  ];
}

/** Returns what is absent, and for how long that may be kept (RFC 2308). */
function absence(type: DnsType, answer: DnsMessage): string[] {
  const { code, authorities } = answer;
  if (hasRecords(type, answer) || (code !== "NOERROR" && code !== "NXDOMAIN")) return [];
  const what = code === "NXDOMAIN" ? "no such name" : `no ${type} record`;
  const soa = authorities.find((record) => record.type === "SOA");
  return [
    soa === undefined ? `  ${what}` : `  ${what}; kept for ${Math.min(soa.ttl, soa.minimum)} s`,
  ];
}

/** Returns the records of the other sections. */
export function otherSections({ authorities, additionals }: DnsMessage): string[] {
  return [...section("authority", authorities), ...section("additional", additionals)];
}

function section(title: string, records: readonly DnsRecord[]): string[] {
  return records.length === 0 ? [] : [`  ${title}:`, ...rowsOf(records, true)];
}

/** Returns a row for each record, in columns. */
export function rowsOf(records: readonly DnsRecord[], all: boolean): string[] {
  const shown = all || records.length <= MAX_ROWS + 1 ? records : records.slice(0, MAX_ROWS);
  const width = Math.min(Math.max(...shown.map(({ name }) => name.length), 0), 40);
  const rows = shown.map((record) =>
    `  ${record.name.padEnd(width)} ${`${record.ttl} s`.padStart(8)}  ${record.type.padEnd(6)} ${
      formatDnsRecord(record)
    }`
  );
  const hidden = records.length - shown.length;
  return hidden === 0 ? rows : [...rows, `  … and ${hidden} more (--all shows them)`];
}

/** Returns the code, the bits and the server of an answer. */
export function statusOf(answer: DnsAnswer): string {
  const { code, server, transport, time } = answer;
  return `${[code, ...flagsOf(answer)].join(", ")} by ${server} over ${transport} in ${
    showTime(time)
  }`;
}

function flagsOf(message: DnsMessage): string[] {
  const { extension } = message;
  const flags: Array<[boolean | undefined, string]> = [
    [message.authoritative, "authoritative (AA)"],
    [message.truncated, "truncated (TC)"],
    [message.authenticated, "validated (AD)"],
    [message.checkingDisabled, "not checked (CD)"],
    [extension?.dnssec, "with signatures (DO)"],
    [message.recursionDesired && !message.recursionAvailable, "no recursion"],
  ];
  const nsid = extension?.nsid;
  const subnet = extension?.clientSubnet;
  return [
    ...flags.filter(([isSet]) => isSet).map(([, text]) => text),
    ...(nsid ? [`server ${JSON.stringify(String.fromCharCode(...nsid))}`] : []),
    ...(subnet ? [`for ${subnet.address}/${subnet.scopePrefix}`] : []),
  ];
}

/** Returns the heading of a question and the number of its records. */
export function heading(name: string, type: string, records: readonly DnsRecord[]): string {
  return `${name} ${type}: ${records.length === 0 ? "none" : count(records.length, "record")}`;
}
