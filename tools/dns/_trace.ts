/** Traces a name from the root. */

import { type DnsNameServer, type DnsTraceStep, traceDns } from "../../net/dns/trace.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { badValue, type CliContext } from "../cli.ts";
import { toPlainJson } from "../internal/plain_json.ts";
import { isAddress } from "../internal/program_output.ts";
import { listSome, showTime } from "../internal/text.ts";
import { answerLines, hasRecords } from "./_text.ts";

/** Flags of a trace. */
export interface TraceFlags {
  readonly root: readonly string[];
  readonly rootPort: number;
  readonly timeout: number;
  readonly all: boolean;
  readonly json: boolean;
}

/** Traces a name and prints each step. Returns whether the trace ended with records. */
export async function printTrace(
  name: string,
  type: DnsType,
  { root, rootPort, timeout, all, json }: TraceFlags,
  ctx: CliContext,
): Promise<boolean> {
  const roots = root.map((address): DnsNameServer => {
    if (!isAddress(address)) throw badValue("--root", address, "an IP address");
    return { name: address, addresses: [address] };
  });
  const options = { port: rootPort, timeout, signal: ctx.signal };
  let last: DnsTraceStep | undefined;
  if (!json) ctx.print(`${name} ${type}, from the root:`);
  for await (
    const step of traceDns(name, type, roots.length > 0 ? { ...options, roots } : options)
  ) {
    last = step;
    if (json) ctx.printJson(toPlainJson(step));
    else stepLines(step, type, all).forEach(ctx.print);
  }
  if (last?.result !== "answer" && !json) {
    ctx.print(`✗ no server of ${last?.zone ?? "the root"} gives an answer`);
  }
  return last?.result === "answer" && last.answer !== undefined && hasRecords(type, last.answer);
}

function stepLines(step: DnsTraceStep, type: DnsType, all: boolean): string[] {
  const { zone, server, address, result, answer, error } = step;
  const where = `${zone.padEnd(16)} ${server} (${address})`;
  if (error !== undefined) return [`✗ ${where}: ${error.message}`];
  const time = showTime(answer?.time ?? 0);
  if (result === "referral") {
    const names = (step.servers ?? []).map((one) => one.name);
    const signed = step.signed ? ", signed" : "";
    return [`→ ${where} in ${time}: ${step.next}${signed}, by ${listSome(names)}`];
  }
  if (result === "lame") return [`! ${where} in ${time}: it is not responsible for ${zone}`];
  if (result === "failed") return [`✗ ${where} in ${time}: ${answer?.code}`];
  return [`✓ ${where} in ${time}:`, ...(answer ? answerLines(type, answer, all) : [])];
}
