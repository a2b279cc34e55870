/** The step that resolves the name. Private to `tools/`. @module */

import { type DnsAnswer, queryDns } from "../../net/dns/client.ts";
import { reverseDnsName } from "../../net/dns/codec.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { NetError } from "../../net/errors/errors.ts";
import { interfaceCommands, runFirst } from "./_commands.ts";
import type { DnsStep } from "./diagnosis.ts";
import { resolveBySystem } from "../internal/phases.ts";
import { findAddresses, isAddress } from "../internal/structure.ts";
import { timed, type Walk } from "./_walk.ts";

type TypedAnswer = DnsAnswer & { readonly type: string };

/** Resolves the name: by the system, by its name servers where that fails, by `--server` always. */
export function dnsStep(walk: Walk): Promise<DnsStep> {
  const nothing = { addresses: [], answers: [] };
  return timed<DnsStep, "dns">(walk, "dns", nothing, async () => {
    const { host } = walk.target;
    if (isAddress(host)) {
      const { answers, silence } = walk.types === undefined
        ? NOT_ASKED
        : await ask(walk, reverseDnsName(host.replace(/%.*$/, "")), ["PTR"]);
      if (silence !== undefined) {
        const text = "an address, nothing to resolve, but no name server answers";
        return { status: "warning", text, advice: ASK_OTHERS, addresses: [host], answers };
      }
      const names = answers.flatMap((answer) => answer.answers)
        .flatMap((record) => record.type === "PTR" ? [record.target] : []);
      const text = names.length > 0 ? names.join(", ") : "an address, nothing to resolve";
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
        advice: "The system has it from elsewhere: a file of hosts, a cache, another name server.",
        addresses,
        answers,
      };
    }
    if (byServer.length > 0) {
      return {
        status: "warning",
        text: `${byServer.join(", ")} by ${server}, but the system does not know it`,
        advice: "Look at the system's name servers and search list.",
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

/** What name servers answered; `silence` says why none of them did. */
interface Asked {
  readonly answers: TypedAnswer[];
  readonly silence?: NetError | undefined;
}

const NOT_ASKED: Asked = { answers: [] };
const ASK_OTHERS = "Check the network and the name servers; try --server with another one.";

/** Asks the server that was named, or else the system's, until one answers. */
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
  // One that was named has to answer; the system may know the name without its own.
  if (last !== undefined && walk.server) throw last;
  return { answers: [], silence: last };
}

/** The name servers of this machine, as far as they can be found out. */
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

/** The name servers of a `resolv.conf`. */
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
          "Check the spelling; names of one's own network need its name server.",
        )
        : failure(
          "no name server answers",
          ASK_OTHERS,
        );
    case "NXDOMAIN":
      return failure(
        `no such name (${says})`,
        "Check the spelling, and whether the domain is registered and has not run out.",
      );
    case "SERVFAIL":
      return failure(
        `the name servers fail (${says})`,
        "The servers of the domain do not answer or its signatures (DNSSEC) are wrong: tell its owner.",
      );
    case "REFUSED":
      return failure(
        `the name server refuses to answer (${says})`,
        "It does not serve this network: use another one.",
      );
    case "NOERROR":
      return failure(
        `the name exists, but has no address (${says})`,
        "Add a record A or AAAA, or ask for another name, such as www.",
      );
    default:
      return failure(`the name server fails (${says})`, "Try another one with --server.");
  }
}
