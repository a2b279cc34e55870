#!/usr/bin/env -S deno run --allow-net --allow-read=/etc/resolv.conf
/**
 * Queries DNS servers over UDP, TCP, TLS and HTTPS, traces a name from the root, compares two servers,
 * and finds names of the local network.
 *
 * ```sh
 * deno task dns example.com MX
 * deno task dns --trace example.com
 * ```
 *
 * **Permissions**: `--allow-net` for any server; `--allow-read=/etc/resolv.conf` for the servers of this
 * machine; `--allow-read=<file>` for `--ca`.
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import type { DnsAnswer } from "../net/dns/client.ts";
import { reverseDnsName } from "../net/dns/codec.ts";
import { queryMulticastDns } from "../net/dns/multicast.ts";
import type { DnsType } from "../net/dns/record.ts";
import { parseResolvConf } from "../net/dns/resolv_conf.ts";
import { type DnsTraceStep, traceDns } from "../net/dns/trace.ts";
import { badValue, type CliContext, CliError, type CliIo, defineCli, readPem } from "./cli.ts";
import { compareAnswers, comparisonLines } from "./internal/dns_comparison.ts";
import {
  checkDnsFlags,
  DNS_FLAGS,
  readQuerySettings,
  readRoots,
  readType,
} from "./internal/dns_flags.ts";
import { answerLines, hasRecords, heading, rowsOf } from "./internal/dns_text.ts";
import { summarize, traceLine } from "./internal/dns_trace.ts";
import {
  ask,
  readServer,
  SERVER_FORMS,
  type ServerTarget,
  type Session,
} from "./internal/name_server.ts";
import { toPlainJson } from "./internal/plain_json.ts";
import { isAddress } from "./internal/program_output.ts";

const cli = defineCli({
  name: "dns",
  summary: "Queries DNS servers, traces a name from the root, or compares two servers.",
  description: [
    "NAME is a domain name or an IP address. The types default to A and AAAA, or PTR for an address.",
    "A SERVER is ADDRESS[:PORT], tcp://ADDRESS, tls://ADDRESS[#NAME] or the URL of DNS over HTTPS.",
    "A name in .local is queried by multicast, unless there is a --server.",
  ].join("\n"),
  flags: {
    ...DNS_FLAGS,
    timeout: {
      type: "duration",
      default: "5s",
      min: "1ms",
      alias: "t",
      help: "Time limit of a query",
    },
    ca: { type: "list", placeholder: "file", help: "Authority to trust, PEM" },
  },
  positionals: {
    name: { help: "A domain name or an IP address" },
    type: { type: "list", optional: true, help: "Types of records" },
  },
  permissions: {
    "--allow-net": "reach any server",
    "--allow-read=/etc/resolv.conf": "find the servers of this machine",
    "--allow-read=<file>": "only with --ca",
  },
  examples: [
    "deno task dns example.com MX TXT",
    "deno task dns example.com --server tls://192.0.2.53#dns.example",
    "deno task dns example.com --compare https://dns.example/dns-query",
    "deno task dns --trace www.example.com",
    "deno task dns printer.local",
  ],
});

/** Returns the name and the types of the questions. */
function readQuestions(name: string, given: readonly string[]): { name: string; types: DnsType[] } {
  const types = given.map((type) => readType("the type", type));
  const address = isAddress(name);
  const usual: DnsType[] = address ? ["PTR"] : ["A", "AAAA"];
  return {
    name: address ? reverseDnsName(name.replace(/%.*$/, "")) : name,
    types: types.length > 0 ? types : usual,
  };
}

/** Queries the hosts of the local network. Returns whether one answers. */
async function findLocal(
  name: string,
  types: readonly DnsType[],
  { timeout, all, json }: { timeout: number; all: boolean; json: boolean },
  ctx: CliContext,
): Promise<boolean> {
  const counts = await Promise.all(types.map(async (type) => {
    let answers = 0;
    for await (
      const answer of queryMulticastDns(name, type, { timeout, signal: ctx.signal })
    ) {
      answers++;
      if (json) ctx.printJson(toPlainJson({ name, type, ...answer }));
      else {
        ctx.print(`${heading(name, type, answer.answers)} by ${answer.from}`);
        rowsOf([...answer.answers, ...answer.additionals], all).forEach(ctx.print);
      }
    }
    return answers;
  }));
  const found = counts.some((answers) => answers > 0);
  if (!found && !json) ctx.print(`✗ no host of the local network answers for ${name}`);
  return found;
}

/** Prints the answers for each type. Returns whether there are records. */
async function lookUp(
  name: string,
  types: readonly DnsType[],
  targets: readonly ServerTarget[],
  session: Session,
  { all, json }: { all: boolean; json: boolean },
  ctx: CliContext,
): Promise<boolean> {
  const answers = await Promise.all(
    types.map((type) => askAny(targets, name, type, session)),
  );
  for (const [i, answer] of answers.entries()) {
    const type = types[i]!;
    if (json) {
      ctx.printJson(toPlainJson({ name, type, ...answer }));
      continue;
    }
    ctx.print(heading(name, type, answer.answers));
    answerLines(type, answer, all).forEach(ctx.print);
  }
  return answers.some((answer, i) => hasRecords(types[i]!, answer));
}

/** Compares two servers for each type. Returns whether all answers are equal. */
async function compare(
  name: string,
  types: readonly DnsType[],
  pair: readonly [ServerTarget, ServerTarget],
  session: Session,
  json: boolean,
  ctx: CliContext,
): Promise<boolean> {
  let equal = true;
  for (const type of types) {
    const [first, second] = await Promise.all([
      ask(pair[0], name, type, session),
      ask(pair[1], name, type, session),
    ]);
    const found = compareAnswers(type, first, second);
    equal &&= found.equal;
    if (json) ctx.printJson({ name, ...found });
    else {
      const [first, ...rest] = comparisonLines(found);
      [`${name} ${first}`, ...rest].forEach(ctx.print);
    }
  }
  return equal;
}

/** Traces a name and prints each step. Returns whether the trace ended with records. */
async function printTrace(
  name: string,
  type: DnsType,
  { root, rootPort, timeout, all, json }: {
    root: readonly string[];
    rootPort: number;
    timeout: number;
    all: boolean;
    json: boolean;
  },
  ctx: CliContext,
): Promise<boolean> {
  const roots = readRoots(root);
  const options = { port: rootPort, timeout, signal: ctx.signal, ...(roots && { roots }) };
  let last: DnsTraceStep | undefined;
  if (!json) ctx.print(`${name} ${type}, from the root:`);
  for await (const step of traceDns(name, type, options)) {
    last = step;
    if (json) {
      ctx.printJson(toPlainJson(step));
      continue;
    }
    ctx.print(traceLine(summarize(type, step)));
    if (step.result === "answer") answerLines(type, step.answer!, all).forEach(ctx.print);
  }
  if (last?.result !== "answer" && !json) {
    ctx.print(`✗ no server of ${last?.zone ?? "the root"} gives an answer`);
  }
  return last?.result === "answer" && hasRecords(type, last.answer!);
}

/** Returns the name servers of this machine. */
async function systemServers(): Promise<ServerTarget[]> {
  let servers: readonly string[] = [];
  if (Deno.build.os !== "windows") {
    try {
      ({ servers } = parseResolvConf(await Deno.readTextFile("/etc/resolv.conf")));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  if (servers.length > 0) return servers.map((server) => ({ server }));
  throw new CliError("Cannot find the name servers of this machine: name one with --server");
}

/** Queries the servers in turn until one answers. The last error is thrown. */
async function askAny(
  targets: readonly ServerTarget[],
  name: string,
  type: DnsType,
  session: Session,
): Promise<DnsAnswer> {
  let last: unknown;
  for (const target of targets) {
    try {
      return await ask(target, name, type, session);
    } catch (error) {
      if (session.signal.aborted) throw error;
      last = error;
    }
  }
  throw last;
}

/** Reads a server of the command line. */
function serverOf(flag: string, given: string, session: Session): ServerTarget {
  const server = readServer(given);
  if (server === undefined) throw badValue(flag, given, SERVER_FORMS);
  return server(session);
}

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code: 0 if there are records, or equal answers with `--compare`; else 1.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ name: asked, type, json, ...flags }, ctx) => {
    checkDnsFlags(flags);
    const { name, types } = readQuestions(asked, type);
    const shown = { ...flags, json };
    try {
      if (flags.trace) {
        let found = false;
        for (const type of types) found = await printTrace(name, type, shown, ctx) || found;
        return found ? 0 : 1;
      }
      if (/\.local\.?$/i.test(name) && flags.server.length === 0) {
        return await findLocal(name, types, shown, ctx) ? 0 : 1;
      }
      const caCerts = await Promise.all(flags.ca.map((file) => readPem(file, "CERTIFICATE")));
      await using client = createClient({ caCerts, http2: true });
      const session: Session = {
        client,
        caCerts,
        signal: ctx.signal,
        settings: { timeout: flags.timeout, ...readQuerySettings(flags) },
      };
      const given = flags.server.map((server) => serverOf("--server", server, session));
      const targets = given.length > 0 ? given : await systemServers();
      if (flags.compare === undefined) {
        return await lookUp(name, types, targets, session, shown, ctx) ? 0 : 1;
      }
      const second = serverOf("--compare", flags.compare, session);
      return await compare(name, types, [targets[0]!, second], session, json, ctx) ? 0 : 1;
    } catch (error) {
      // The library names the argument that is wrong.
      if (error instanceof TypeError || error instanceof RangeError) {
        throw new CliError(error.message, 2);
      }
      throw error;
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
