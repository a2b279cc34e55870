import { reverseDnsName } from "../../net/dns/codec.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { isAddress } from "../internal/program_output.ts";
import { resolveBySystem } from "../internal/connection_phases.ts";
import { NetError } from "../../net/errors/errors.ts";
import { ofFamily } from "./_http_exchange.ts";
import { listSome } from "../internal/text.ts";
import type { DnsStep } from "./diagnosis.ts";
import { compareServers } from "./_compare_servers.ts";
import { explainAbsence } from "./_explain_dns.ts";
import {
  ask,
  ASK_OTHERS,
  NOT_ASKED,
  recordsFound,
  settle,
  type TypedAnswer,
} from "./_name_servers.ts";
import { traceName } from "./_trace_name.ts";
import { type Found, timed, type Walk } from "./_timed_step.ts";

/** The advice if a server that the user named gives no answer. */
const OTHER_SERVER = "Check the address, the port and the protocol of the name server.";

/**
 * Resolves the name by the system, then by its name servers if that fails, and by `--server`. If the
 * caller wants the records of other types than addresses and takes no other step, these records decide.
 * A trace and a comparison replace all of that.
 */
export async function dnsStep(walk: Walk, isOnlyStep: boolean): Promise<DnsStep> {
  const nothing = { addresses: [], answers: [], ...(walk.compare && { comparisons: [] }) };
  const { host } = walk.hop;
  const step = await timed<DnsStep, "dns">(walk, "dns", nothing, () => {
    if (isOnlyStep && walk.traced !== undefined) return traceName(walk, walk.traced);
    if (isOnlyStep && walk.compare !== undefined) return compareServers(walk, walk.compare);
    if (isAddress(host)) return reverse(walk, host);
    const { types } = walk;
    const wantsAddress = types === undefined || types.includes("A") || types.includes("AAAA");
    return isOnlyStep && !wantsAddress ? findRecords(walk, types) : findAddresses(walk);
  });
  return step.status === "failed" ? { advice: OTHER_SERVER, ...step } : step;
}

/** Finds the names of an address, if the caller wants records. */
async function reverse(walk: Walk, host: string): Promise<Found<DnsStep>> {
  const { answers, silence } = walk.types === undefined
    ? NOT_ASKED
    : await ask(walk, reverseDnsName(host.replace(/%.*$/, "")), ["PTR"]);
  if (silence !== undefined) {
    const text = "an address, so nothing to resolve, but no name server answers";
    return { status: "warning", text, advice: ASK_OTHERS, addresses: [host], answers };
  }
  const names = answers.flatMap((answer) => answer.answers)
    .flatMap((record) => record.type === "PTR" ? [record.target] : []);
  const text = names.length > 0 ? listSome(names) : "an address, so nothing to resolve";
  return { status: "ok", text, addresses: [host], answers };
}

/** Finds the records of these types. The name need not have an address. */
async function findRecords(walk: Walk, types: readonly DnsType[]): Promise<Found<DnsStep>> {
  const { host } = walk.hop;
  const { answers, silence } = await ask(walk, host, types);
  const found = recordsFound(answers);
  if (found !== "") {
    const text = `${found} by ${answers[0]?.server}`;
    return { status: "ok", text, addresses: [], answers };
  }
  const wanted = `${types.join(" or ")} record`;
  const absent = explainAbsence(host, answers, silence, wanted);
  return { status: "failed", ...absent, addresses: [], answers };
}

/** Finds the addresses of the name. */
async function findAddresses(walk: Walk): Promise<Found<DnsStep>> {
  const { host } = walk.hop;
  const bySystem = await settle(resolveOfFamily(walk));
  const wanted = walk.types ??
    (walk.servers.length > 0 || bySystem.error ? ["A", "AAAA"] as const : []);
  const { answers, silence } = wanted.length === 0 ? NOT_ASKED : await ask(walk, host, wanted);
  if (bySystem.value !== undefined) {
    return fromSystem(bySystem.value, answers, silence !== undefined && walk.types !== undefined);
  }
  const byServer = ofFamily(
    answers.flatMap((answer) => answer.answers)
      .flatMap((record) => record.type === "A" || record.type === "AAAA" ? [record.address] : []),
    walk.family,
  );
  const server = answers[0]?.server;
  if (byServer.length > 0) {
    return {
      status: "warning",
      text: `${listSome(byServer)} by ${server}, but the system cannot resolve the name`,
      advice: "Check the name servers and the search list of the system.",
      addresses: byServer,
      answers,
    };
  }
  const others = recordsFound(answers);
  if (others !== "") {
    return { status: "ok", text: `no address, but ${others} by ${server}`, addresses: [], answers };
  }
  return {
    status: "failed",
    ...explainAbsence(host, answers, bySystem.error),
    addresses: [],
    answers,
  };
}

/** Resolves the name by the system, and takes the addresses of the wanted IP version. */
async function resolveOfFamily(walk: Walk): Promise<string[]> {
  const { family, hop: { host } } = walk;
  const found = ofFamily(await resolveBySystem(host, walk), family);
  if (found.length > 0) return found;
  const message = `Cannot resolve ${host}: it has no IPv${family} address`;
  throw new NetError(message, { kind: "dns", phase: "resolve", address: host, code: "ENODATA" });
}

/** Compares the addresses of the system with the answers of the name servers. */
function fromSystem(
  addresses: readonly string[],
  answers: readonly TypedAnswer[],
  isSilent: boolean,
): Found<DnsStep> {
  const text = listSome(addresses);
  if (isSilent) {
    return {
      status: "warning",
      text: `${text} by the system, but no name server answers`,
      advice: ASK_OTHERS,
      addresses,
      answers,
    };
  }
  const bad = answers.find((answer) => answer.code !== "NOERROR");
  if (bad === undefined) return { status: "ok", text, addresses, answers };
  return {
    status: "warning",
    text: `${text} by the system, but ${bad.code} by ${bad.server}`,
    advice: "The system has another source: the hosts file, a cache, or another name server.",
    addresses,
    answers,
  };
}
