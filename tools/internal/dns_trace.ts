/** Describes the queries of a trace from the root. It does no I/O. */

import type { DnsTraceStep } from "../../net/dns/trace.ts";
import type { DnsTraceQuery } from "../diagnose/diagnosis.ts";
import { listSome, showTime } from "./text.ts";

const SIGNS = { answer: "✓", failed: "✗", lame: "!", referral: "→" } as const;

/** Returns the parts of a step without the records of its answer. */
export function summarize(
  type: string,
  { answer, servers, ...step }: DnsTraceStep,
): DnsTraceQuery {
  return {
    type,
    ...step,
    ...(servers && { nameServers: servers.map(({ name }) => name) }),
    ...(answer && { code: answer.code, time: answer.time }),
  };
}

/** Returns a line for one query. */
export function traceLine(query: DnsTraceQuery): string {
  const { zone, server, address, result } = query;
  return `${SIGNS[result]} ${zone.padEnd(16)} ${server} (${address})${outcome(query)}`;
}

function outcome(query: DnsTraceQuery): string {
  const { zone, result, next, nameServers = [], signed, code, time = 0, error } = query;
  if (error !== undefined) return `: ${error.message}`;
  const took = ` in ${showTime(time)}:`;
  if (result === "referral") {
    return `${took} ${next}${signed ? ", signed" : ""}, by ${listSome(nameServers)}`;
  }
  if (result === "lame") return `${took} it is not responsible for ${zone}`;
  return `${took} ${code}`;
}
