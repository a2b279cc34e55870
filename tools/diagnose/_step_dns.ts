import { type DnsAnswer, queryDns } from "../../net/dns/client.ts";
import { reverseDnsName } from "../../net/dns/codec.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { NetError } from "../../net/errors/errors.ts";
import { interfaceCommands, runFirst } from "./_commands.ts";
import type { DnsStep } from "./diagnosis.ts";
import { resolveBySystem } from "../internal/connection_phases.ts";
import { findAddresses, isAddress } from "../internal/program_output.ts";
import { timed, type Walk } from "./_timed_step.ts";

type TypedAnswer = DnsAnswer & { readonly type: string };

/** Resolves the name by the system, then by its name servers if that fails, and by `--server`. */
export function dnsStep(walk: Walk): Promise<DnsStep> {
  const nothing = { addresses: [], answers: [] };
  return timed<DnsStep, "dns">(walk, "dns", nothing, async () => {
    const { host } = walk.target;
    if (isAddress(host)) {
      const { answers, silence } = walk.types === undefined
        ? NOT_ASKED
        : await ask(walk, reverseDnsName(host.replace(/%.*$/, "")), ["PTR"]);
      if (silence !== undefined) {
        const text = "an address, so nothing to resolve, but no name server answers";
        return { status: "warning", text, advice: ASK_OTHERS, addresses: [host], answers };
      }
      const names = answers.flatMap((answer) => answer.answers)
        .flatMap((record) => record.type === "PTR" ? [record.target] : []);
      const text = names.length > 0 ? names.join(", ") : "an address, so nothing to resolve";
      return { status: "ok", text, addresses: [host], answers };
    }
    const bySystem = await settle(resolveBySystem(host, walk));
    const wanted = walk.types ?? (walk.server || bySystem.error ? ["A", "AAAA"] as const : []);
    const { answers, silence } = wanted.length === 0 ? NOT_ASKED : await ask(walk, host, wanted);
    const byServer = answers.flatMap((answer) => answer.answers)
      .flatMap((record) => record.type === "A" || record.type === "AAAA" ? [record.address] : []);
    const server = answers[0]?.server;
    if (bySystem.value !== undefined) {
      const addresses = bySystem.value;
      const code = answers.find((answer) => answer.code !== "NOERROR")?.code;
      const text = addresses.join(", ");
      if (silence !== undefined && walk.types !== undefined) {
        return {
          status: "warning",
          text: `${text} by the system, but no name server answers`,
          advice: ASK_OTHERS,
          addresses,
          answers,
        };
      }
      if (code === undefined) return { status: "ok", text, addresses, answers };
      return {
        status: "warning",
        text: `${text} by the system, but ${code} by ${server}`,
        advice: "The system has another source: the hosts file, a cache, or another name server.",
        addresses,
        answers,
      };
    }
    if (byServer.length > 0) {
      return {
        status: "warning",
        text: `${byServer.join(", ")} by ${server}, but the system cannot resolve the name`,
        advice: "Check the name servers and the search list of the system.",
        addresses: byServer,
        answers,
      };
    }
    return { status: "failed", ...explain(host, answers, bySystem.error), addresses: [], answers };
  });
}

async function settle<T>(
  promise: Promise<T>,
): Promise<{ value?: T; error?: NetError }> {
  try {
    return { value: await promise };
  } catch (error) {
    if (error instanceof NetError && error.kind !== "permission") return { error };
    throw error;
  }
}

/** The answers of the name servers; `silence` is the error if none of them answered. */
interface Asked {
  readonly answers: TypedAnswer[];
  readonly silence?: NetError | undefined;
}

const NOT_ASKED: Asked = { answers: [] };
const ASK_OTHERS = "Check the network and the name servers, or try another one with --server.";

/** Queries `--server`, or the name servers of the system until one answers. */
async function ask(walk: Walk, name: string, types: readonly DnsType[]): Promise<Asked> {
  const servers = walk.server ? [walk.server] : await systemNameServers(walk);
  let last: NetError | undefined;
  for (const { hostname, port } of servers.slice(0, 3)) {
    const { timeout, signal } = walk;
    const options = { server: hostname, port, timeout, signal: signal! };
    const all = await settle(
      Promise.all(types.map(async (type) => ({
        ...await queryDns(name, type, options),
        type,
      }))),
    );
    if (all.value !== undefined) return { answers: all.value };
    last = all.error;
  }
  // A server that the user gave must answer. The system may resolve the name without its servers.
  if (last !== undefined && walk.server) throw last;
  return { answers: [], silence: last };
}

/** Returns the name servers of this machine, if they can be determined. */
async function systemNameServers(walk: Walk): Promise<Array<{ hostname: string; port: number }>> {
  const found: string[] = [];
  if (walk.os === "windows") {
    const result = await runFirst(interfaceCommands(walk.os), walk);
    if ("ran" in result) found.push(...result.report.flatMap((one) => one.nameServers));
  } else {
    try {
      found.push(...parseResolvConf(await Deno.readTextFile("/etc/resolv.conf")));
    } catch (error) {
      const known = error instanceof Deno.errors.NotCapable ||
        error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
      if (!known) throw error;
    }
  }
  return [...new Set(found)].map((hostname) => ({ hostname, port: 53 }));
}

/** Returns the name servers of a `resolv.conf`. */
function parseResolvConf(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const value = /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "";
    return findAddresses(value).slice(0, 1).map(({ address }) => address);
  });
}

function explain(
  host: string,
  answers: readonly TypedAnswer[],
  error: NetError | undefined,
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
  const says = answer && `${answer.server} says ${answer.code}`;
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
        `the name exists, but has no address (${says})`,
        "Add an A or AAAA record, or try another name, such as www.",
      );
    default:
      return failure(`the name server fails (${says})`, "Try another one with --server.");
  }
}
