#!/usr/bin/env -S deno run --allow-net --allow-read=/etc/resolv.conf
/**
 * Queries DNS servers over UDP, TCP, TLS and HTTPS, traces a name from the root, compares two servers,
 * and finds names of the local network: `deno task dns example.com MX`
 *
 * **Permissions**: `--allow-net` for any server; `--allow-read=/etc/resolv.conf` for the servers of this
 * machine; `--allow-read=<file>` for `--ca`.
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import { reverseDnsName } from "../net/dns/codec.ts";
import { queryMulticastDns } from "../net/dns/multicast.ts";
import { DNS_TYPES, type DnsType } from "../net/dns/record.ts";
import { badValue, type CliContext, CliError, type CliIo, defineCli, readPem } from "./cli.ts";
import { compareAnswers, comparisonLines } from "./dns/_compare.ts";
import {
  ask,
  askAny,
  readServer,
  type ServerTarget,
  type Session,
  systemServers,
} from "./dns/_server.ts";
import { answerLines, hasRecords, heading, rowsOf } from "./dns/_text.ts";
import { printTrace } from "./dns/_trace.ts";
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
    server: {
      type: "list",
      placeholder: "server",
      help: "Server to query [default: of this machine]",
    },
    compare: {
      type: "string",
      placeholder: "server",
      help: "Second server, whose answers are compared",
    },
    trace: { type: "boolean", help: "Follow the name from the root servers" },
    root: { type: "list", placeholder: "address", help: "Root server for --trace" },
    rootPort: { type: "port", default: 53, min: 1, help: "Port of all servers of --trace" },
    dnssec: { type: "boolean", help: "Show the records of DNSSEC (DO)" },
    cd: { type: "boolean", help: "Switch off the validation by the server (CD)" },
    nsid: { type: "boolean", help: "Show the identifier of the server" },
    subnet: {
      type: "string",
      placeholder: "block",
      help: "Subnet of the client, e.g. 192.0.2.0/24",
    },
    recursion: { type: "boolean", default: true, help: "Let the server query other servers" },
    all: { type: "boolean", help: "Show all records, and the other sections" },
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

/** Reads a record type, in upper or lower case. */
function readType(text: string): DnsType {
  const type = text.toUpperCase();
  if ((DNS_TYPES as readonly string[]).includes(type) || /^TYPE\d{1,5}$/.test(type)) {
    return type as DnsType;
  }
  throw badValue("the type", text, `one of ${DNS_TYPES.join(", ")}, or a number such as TYPE99`);
}

/** Returns the name and the types of the questions. */
function readQuestions(name: string, given: readonly string[]): { name: string; types: DnsType[] } {
  const types = given.map(readType);
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
    const found = compareAnswers(first, second);
    equal &&= found.equal;
    if (json) ctx.printJson({ name, type, ...found });
    else comparisonLines(name, type, found).forEach(ctx.print);
  }
  return equal;
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
        settings: {
          timeout: flags.timeout,
          recursion: flags.recursion,
          dnssec: flags.dnssec,
          checkingDisabled: flags.cd,
          nsid: flags.nsid,
          ...(flags.subnet !== undefined && { clientSubnet: flags.subnet }),
        },
      };
      const given = flags.server.map((server) => readServer("--server", server, session));
      const targets = given.length > 0 ? given : await systemServers();
      if (flags.compare === undefined) {
        return await lookUp(name, types, targets, session, shown, ctx) ? 0 : 1;
      }
      const second = readServer("--compare", flags.compare, session);
      return await compare(name, types, [targets[0]!, second], session, json, ctx) ? 0 : 1;
    } catch (error) {
      // The library names the argument that is wrong.
      if (error instanceof TypeError || error instanceof RangeError) {
        throw new CliError(error.message.replace(/^clientSubnet/, "--subnet"), 2);
      }
      throw error;
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
