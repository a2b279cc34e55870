/** The command line of `diagnose`. */

import type { DnsType } from "../../net/dns/record.ts";
import { PIN_FORM, readPin } from "../../net/internal/x509/pin.ts";
import { readProxy } from "../../http/internal/proxy_server.ts";
import { badValue, CliError, defineCli, readPem } from "../cli.ts";
import {
  checkDnsFlags,
  DNS_FLAGS,
  type DnsModeFlags,
  type QueryFlags,
  readQuerySettings,
  readRoots,
  readType,
} from "../internal/dns_flags.ts";
import { readServer, SERVER_FORMS } from "../internal/name_server.ts";
import { STEPS } from "./_option_rules.ts";
import type { DiagnoseStepName } from "./diagnosis.ts";
import type { DiagnoseOptions } from "./options.ts";

/** The types that the command dns asks for. */
export const TYPES: readonly DnsType[] = [
  ...["A", "AAAA", "CNAME", "MX", "NS", "TXT"] as const,
  ...["SRV", "CAA", "PTR", "SOA", "HTTPS"] as const,
];

/** The steps of each command. */
export const COMMANDS: Readonly<Record<string, readonly DiagnoseStepName[]>> = {
  interfaces: ["interfaces"],
  ping: ["ping"],
  trace: ["trace"],
  mtu: ["mtu"],
  dns: ["dns"],
  tcp: ["dns", "tcp"],
  tls: ["dns", "tcp", "tls"],
  http: ["dns", "tcp", "tls", "http"],
  all: STEPS,
};

/** The flags and the help of the program. */
export const cli = defineCli({
  name: "diagnose",
  summary: "Checks the path to a host, says where it fails and what to do.",
  description: "WHAT is HOST, HOST:PORT or a URL, after an optional command: all (the default), " +
    "interfaces, ping, trace, mtu, dns, tcp, tls, http. The schemes are http, https, tcp, tls; smtp, imap, " +
    "pop3, ftp and postgres, which begin with STARTTLS; smtps, imaps, pop3s, ftps and ldaps. " +
    "A SERVER is ADDRESS[:PORT], tcp://ADDRESS, tls://ADDRESS[#NAME] or the URL of DNS over HTTPS.",
  flags: {
    timeout: {
      type: "duration",
      default: "5s",
      min: "1ms",
      alias: "t",
      help: "Time limit of each wait",
    },
    traceTimeout: {
      type: "duration",
      default: "20s",
      min: "1ms",
      help: "Time limit of the route trace",
    },
    count: {
      type: "integer",
      min: 1,
      max: 1_000_000,
      alias: "c",
      help: "Echo requests, or rounds of --watch [default: 4; with --watch no end]",
    },
    watch: { type: "boolean", alias: "w", help: "Measure again and again; for ping and trace" },
    interval: {
      type: "duration",
      default: "1s",
      min: "200ms",
      alias: "i",
      help: "Time between two rounds of --watch",
    },
    report: {
      type: "string",
      placeholder: "file",
      help: "Write the diagnosis to a file, .md or .html",
    },
    anonymous: { type: "boolean", help: "Replace names and addresses in the report" },
    slo: { type: "duration", min: "1ms", help: "Longest acceptable time of the answer" },
    ca: { type: "list", placeholder: "file", help: "Authority to trust, PEM" },
    cert: { type: "string", placeholder: "file", help: "Certificate of this client, PEM" },
    key: { type: "string", placeholder: "file", help: "Private key of --cert, PEM" },
    pin: {
      type: "list",
      placeholder: "pin",
      help: "Key or certificate that identifies the server",
    },
    header: {
      type: "list",
      alias: "H",
      placeholder: "header",
      help: 'Header of the HTTP requests, "name: value"',
    },
    proxy: { type: "string", placeholder: "url", help: "Proxy to the host: http, https or socks5" },
    ipv4: { type: "boolean", alias: "4", help: "Use IPv4 addresses only" },
    ipv6: { type: "boolean", alias: "6", help: "Use IPv6 addresses only" },
    ...DNS_FLAGS,
    type: {
      type: "list",
      placeholder: "type",
      help: "Record type for dns, e.g. MX [default: all; with --trace A and AAAA]",
    },
  },
  positionals: { what: { type: "list", help: "A command, and a host or URL" } },
  permissions: {
    "--allow-net": "reach any host",
    "--allow-read=/etc/resolv.conf": "query the name servers of the system",
    "--allow-run=ping,ping6,traceroute,traceroute6,tracepath,tracert,ip,ifconfig,ipconfig,route":
      "run the programs of the system; a missing one is skipped",
    "--allow-read=<file>": "only with --ca, --cert and --key",
    "--allow-write=<file>": "only with --report",
  },
  exitCodes: { 4: "the answer is slower than --slo" },
  examples: [
    "deno task diagnose https://example.com/",
    "deno task diagnose dns example.com --server 192.0.2.53 --type MX",
    "deno task diagnose dns example.com --compare https://dns.example/dns-query",
    "deno task diagnose dns www.example.com --trace",
    "deno task diagnose tls 127.0.0.1:8443 --json",
    "deno task diagnose http 127.0.0.1:8080 --slo 300ms",
    "deno task diagnose trace example.com --watch",
    "deno task diagnose smtp://mail.example.com --report mail.html --anonymous",
  ],
});

/** Returns the command and the target of the command line. */
export function readWhat(what: readonly string[]): { command: string; where: string } {
  const [first = "", ...rest] = what;
  const named = Object.hasOwn(COMMANDS, first) && (rest.length > 0 || first === "interfaces");
  const command = named ? first : "all";
  const [where, ...others] = named ? rest : what;
  if (where === undefined && command !== "interfaces") {
    throw new CliError("Missing argument: a host or a URL", 2);
  }
  if (Object.hasOwn(COMMANDS, where ?? "") && !named) {
    throw new CliError(`Missing argument: a host or a URL for ${where}`, 2);
  }
  if (others.length > 0) {
    const remark = named ? "" : ` (${JSON.stringify(first)} is not a command; see --help)`;
    throw new CliError(`Unexpected argument: ${JSON.stringify(others[0])}${remark}`, 2);
  }
  return { command, where: where ?? "localhost" };
}

/** The flags for name servers. */
export type NameFlags = DnsModeFlags & QueryFlags & { readonly type: readonly string[] };

/** Reads the flags for name servers; `command` decides about the usual types. */
export function readNames(
  command: string,
  flags: NameFlags,
): Pick<DiagnoseOptions, "lookUp" | "server" | "types"> {
  const { type, server, compare, trace, root, rootPort } = flags;
  checkDnsFlags(flags);
  for (const [flag, isGiven] of [["--trace", trace], ["--compare", compare !== undefined]]) {
    if (isGiven && command !== "dns") throw new CliError(`Bad flags: ${flag} is for dns`, 2);
  }
  for (const one of server) checkServer("--server", one);
  if (compare !== undefined) checkServer("--compare", compare);
  const types = type.map((one) => readType("--type", one));
  // A trace of every type would query the root servers for each.
  const usual = command === "dns" && !trace ? TYPES : undefined;
  const wanted = types.length > 0 ? types : usual;
  return {
    ...(server.length > 0 && { server }),
    ...(wanted && { types: wanted }),
    lookUp: {
      ...readQuerySettings(flags),
      ...(compare !== undefined && { compare }),
      ...(trace && { trace, rootPort, ...(readRoots(root) && { roots: root }) }),
    },
  };
}

function checkServer(flag: string, given: string): void {
  if (readServer(given) === undefined) throw badValue(flag, given, SERVER_FORMS);
}

/** The flags for the connection and for HTTP. */
export interface ConnectionFlags {
  readonly ca: readonly string[];
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly pin: readonly string[];
  readonly header: readonly string[];
  readonly proxy?: string | undefined;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** Reads the files and the values of these flags. */
export async function readSettings(
  { ca, cert, key, pin, header, proxy, ipv4, ipv6 }: ConnectionFlags,
): Promise<DiagnoseOptions> {
  if (ipv4 && ipv6) throw new CliError("Bad flags: --ipv4 and --ipv6 exclude each other", 2);
  if ((cert === undefined) !== (key === undefined)) {
    throw new CliError("Bad flags: --cert and --key must be given together", 2);
  }
  const wrong = pin.find((one) => readPin(one) === undefined);
  if (wrong !== undefined) throw badValue("--pin", wrong, PIN_FORM);
  const headers = new Headers();
  for (const line of header) addHeader(headers, line);
  if (proxy !== undefined) checkProxy(proxy);
  return {
    caCerts: await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE"))),
    headers,
    ...(cert !== undefined && { cert: await readPem(cert, "CERTIFICATE") }),
    ...(key !== undefined && { key: await readPem(key, "PRIVATE KEY") }),
    ...(pin.length > 0 && { pin }),
    ...(proxy !== undefined && { proxy }),
    ...(ipv4 && { family: 4 as const }),
    ...(ipv6 && { family: 6 as const }),
  };
}

function addHeader(headers: Headers, line: string): void {
  const [, name = "", value = ""] = /^([^:]+):(.*)$/s.exec(line) ?? [];
  try {
    headers.append(name, value);
  } catch {
    throw badValue("--header", line, 'a field such as "Accept: text/html"');
  }
}

function checkProxy(proxy: string): void {
  try {
    readProxy("--proxy", { url: proxy });
  } catch (error) {
    throw error instanceof TypeError ? new CliError(`Bad value for ${error.message}`, 2) : error;
  }
}
