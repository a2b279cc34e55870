import type { DnsType } from "../../net/dns/record.ts";
import { traceDns, type TraceDnsOptions } from "../../net/dns/trace.ts";
import { summarize } from "../internal/dns_trace.ts";
import { count } from "../internal/text.ts";
import type { DnsStep, DnsTraceQuery } from "./diagnosis.ts";
import { explainAbsence } from "./_explain_dns.ts";
import { questionOf, recordsFound, typed, type TypedAnswer } from "./_name_servers.ts";
import type { Found, Walk } from "./_timed_step.ts";

/** Follows a name from the root servers to the answers, and judges the servers on the way. */
export async function traceName(
  walk: Walk,
  from: Pick<TraceDnsOptions, "port" | "roots">,
): Promise<Found<DnsStep>> {
  const { name, types } = questionOf(walk, ["A", "AAAA"]);
  const options = { ...from, timeout: walk.timeout, signal: walk.signal! };
  const trace: DnsTraceQuery[] = [];
  const answers: TypedAnswer[] = [];
  for (const type of types) {
    for await (const step of traceDns(name, type, options)) {
      trace.push(summarize(type, step));
      if (step.result === "answer") answers.push(typed(name, type, step.answer!));
    }
  }
  return { ...judge(walk.hop.host, types, trace, answers), addresses: [], answers, trace };
}

function judge(
  host: string,
  types: readonly DnsType[],
  trace: readonly DnsTraceQuery[],
  answers: readonly TypedAnswer[],
): Pick<Found<DnsStep>, "advice" | "error" | "status" | "text"> {
  const last = trace.findLast(({ type }) => !answers.some((answer) => answer.type === type));
  if (answers.length < types.length) {
    const zone = last?.zone ?? ".";
    return {
      status: "failed",
      text: zone === "."
        ? "no root server gives an answer"
        : `no server of the zone ${zone} gives an answer`,
      advice: zone === "."
        ? "A firewall may allow only the name servers of this network."
        : `Check the servers of ${zone}, and the NS records for it in the zone above.`,
      error: last?.error,
    };
  }
  const alias = answers[0]?.answers.find((record) => record.type === "CNAME");
  const records = recordsFound(answers);
  if (records === "" && alias?.type === "CNAME") {
    return {
      status: "warning",
      text: `an alias of ${alias.target}, which the trace does not follow`,
      advice: `Trace ${alias.target} as well.`,
    };
  }
  if (records === "") {
    const wanted = `${types.join(" or ")} record`;
    return { status: "failed", ...explainAbsence(host, answers, undefined, wanted) };
  }
  const end = trace.findLast(({ result }) => result === "answer")!;
  const steps = trace.filter(({ type, result }) => type === end.type && result === "referral");
  const text = `${records} by ${end.server} (${end.address}), ${
    count(steps.length, "referral")
  } from the root`;
  const bad = trace.find(({ result }) => result === "failed" || result === "lame");
  if (bad === undefined) return { status: "ok", text };
  const what = bad.result === "lame"
    ? `is not responsible for ${bad.zone}`
    : bad.code === undefined
    ? `does not answer for ${bad.zone}`
    : `answers ${bad.code} for ${bad.zone}`;
  return {
    status: "warning",
    text: `${text}, but ${bad.server} (${bad.address}) ${what}`,
    advice:
      "Repair this server, or remove it from the NS records of the zone and of the one above.",
  };
}
