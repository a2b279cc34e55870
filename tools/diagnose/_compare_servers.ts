import { compareAnswers } from "../internal/dns_comparison.ts";
import type { ServerTarget } from "../internal/name_server.ts";
import { listSome } from "../internal/text.ts";
import type { DnsStep } from "./diagnosis.ts";
import { ASK_OTHERS, askOne, questionOf, recordsFound, serversOf } from "./_name_servers.ts";
import type { Found, Walk } from "./_timed_step.ts";

const ADVICE =
  "Compare the serial numbers of their SOA records, and wait for the TTL of old answers. " +
  "A server may also give each network other answers.";

/** Compares the answers of two name servers. */
export async function compareServers(walk: Walk, second: ServerTarget): Promise<Found<DnsStep>> {
  const nothing = { addresses: [], answers: [] };
  const [first] = await serversOf(walk);
  if (first === undefined) {
    const text = "the name servers of this machine are unknown";
    return { status: "failed", text, advice: ASK_OTHERS, ...nothing };
  }
  const { name, types } = questionOf(walk, ["A", "AAAA"]);
  const pairs = await Promise.all(
    types.map((type) =>
      Promise.all([askOne(walk, first, name, type), askOne(walk, second, name, type)])
    ),
  );
  const comparisons = pairs.map(([one, two]) => compareAnswers(one.type, one, two));
  const differ = comparisons.filter(({ equal }) => !equal).map(({ type }) => type);
  const servers = pairs[0]?.map(({ server }) => server).join(" and ");
  if (differ.length > 0) {
    const text = `${servers} give different answers for ${listSome(differ, 11)}`;
    return { status: "failed", text, advice: ADVICE, ...nothing, comparisons };
  }
  const records = recordsFound(pairs.map(([one]) => one)) || "no records";
  return {
    status: "ok",
    text: `${servers} give the same answers: ${records}`,
    ...nothing,
    comparisons,
  };
}
