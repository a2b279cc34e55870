/** Explains why a name server returned no records. */

import { describeDnsError } from "../../net/dns/extension.ts";
import type { DnsRecord } from "../../net/dns/record.ts";
import { NetError } from "../../net/errors/errors.ts";
import { nameKey } from "../../net/internal/dns_answers.ts";
import { ASK_OTHERS, type TypedAnswer } from "./_name_servers.ts";

/** Most names of a circle of aliases to show. */
const MOST_NAMES = 5;

/** Says why there are no such records, and what to do. */
export function explainAbsence(
  host: string,
  answers: readonly TypedAnswer[],
  error: NetError | undefined,
  wanted = "address",
): { text: string; advice: string; error: NetError } {
  const answer = answers.find(({ code }) => code !== "NOERROR") ?? answers[0];
  const failure = (text: string, advice: string) => ({
    text,
    advice,
    error: error ??
      new NetError(`Cannot resolve ${host}: ${text}`, {
        kind: "dns",
        phase: "resolve",
        address: host,
      }),
  });
  const reasons = (answer?.extension?.errors ?? []).map((reason) =>
    `, ${describeDnsError(reason)}`
  );
  if (error?.code === "ENODATA") {
    return failure(error.message.replace(/^.*: /, ""), "Leave out -4 or -6.");
  }
  const says = answer && `${answer.server} says ${answer.code}${reasons.join("")}`;
  const loop = aliasLoop(host, answers.flatMap((one) => one.answers));
  if (loop !== undefined) {
    return failure(
      `its aliases lead in a circle: ${loop.slice(0, MOST_NAMES).join(" → ")}`,
      "Correct the CNAME records of these names.",
    );
  }
  switch (answer?.code) {
    case undefined:
      return error?.code === "ENOTFOUND"
        ? failure(
          "no such name",
          "Check the spelling. A name of a private network needs the name server of that network.",
        )
        : failure(
          "no name server answers",
          ASK_OTHERS,
        );
    case "NXDOMAIN":
      return failure(
        `no such name (${says})`,
        "Check the spelling, and whether the registration of the domain is still valid.",
      );
    case "SERVFAIL":
      return failure(
        `the name servers fail (${says})`,
        "The servers of the domain do not answer, or its DNSSEC signatures are wrong. Tell its owner.",
      );
    case "REFUSED":
      return failure(
        `the name server refuses to answer (${says})`,
        "It does not serve this network. Use another one.",
      );
    case "NOERROR":
      return failure(
        `the name exists, but has no ${wanted} (${says})`,
        wanted === "address"
          ? "Add an A or AAAA record, or try another name, such as www."
          : "Add such a record, or check the name: many records belong to a name with an underscore.",
      );
    default:
      return failure(`the name server fails (${says})`, "Try another one with --server.");
  }
}

/** Follows the aliases of a host. Returns the names up to the second one that is the same, if any. */
function aliasLoop(host: string, records: readonly DnsRecord[]): string[] | undefined {
  const targets = new Map(
    records.flatMap((one) => one.type === "CNAME" ? [[nameKey(one.name), one.target]] : []),
  );
  const names = [host];
  const seen = new Set([nameKey(host)]);
  for (let next = targets.get(nameKey(host)); next !== undefined;) {
    names.push(next);
    const key = nameKey(next);
    if (seen.has(key)) return names;
    seen.add(key);
    next = targets.get(key);
  }
  return undefined;
}
