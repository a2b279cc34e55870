/** Reads the servers of the command line, and queries them. */

import type { HttpClient } from "../../http/client/client.ts";
import { dnsOverHttps } from "../../http/client/dns_over_https.ts";
import { parseHostPort } from "../../net/address.ts";
import { type DnsAnswer, queryDns } from "../../net/dns/client.ts";
import type { DnsQuerySettings, QueryDnsOptions } from "../../net/dns/query_options.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { parseResolvConf } from "../../net/dns/resolv_conf.ts";
import { badValue, CliError } from "../cli.ts";
import { isAddress } from "../internal/program_output.ts";

/** The settings that all queries of a run have in common. */
export interface Session {
  readonly client: HttpClient;
  readonly caCerts: string[];
  readonly settings: DnsQuerySettings;
  readonly signal: AbortSignal;
}

/** A server and the way to it. */
export type ServerTarget = Pick<QueryDnsOptions, "port" | "server" | "tcp" | "tls">;

const FORMS = "ADDRESS, ADDRESS:PORT, tcp://ADDRESS, tls://ADDRESS#NAME, or https://…";

/** Reads a server: `192.0.2.53:53`, `tcp://192.0.2.53`, `tls://192.0.2.53#dns.example`, a URL. */
export function readServer(flag: string, given: string, session: Session): ServerTarget {
  if (/^https?:\/\//i.test(given)) {
    if (!URL.canParse(given)) throw badValue(flag, given, FORMS);
    return { server: dnsOverHttps({ url: given, client: session.client }) };
  }
  const [, scheme = "udp", rest = "", serverName] =
    /^(?:(udp|tcp|tls):\/\/)?([^#/]+)\/?(?:#(.+))?$/i.exec(given) ?? [];
  const peer = readPeer(rest);
  if (peer === undefined || (serverName !== undefined && scheme !== "tls")) {
    throw badValue(flag, given, FORMS);
  }
  if (scheme.toLowerCase() === "tcp") return { ...peer, tcp: true };
  if (scheme.toLowerCase() !== "tls") return peer;
  return {
    ...peer,
    tls: { caCerts: session.caCerts, ...(serverName !== undefined && { serverName }) },
  };
}

function readPeer(text: string): { server: string; port?: number } | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (isAddress(bare)) return { server: bare };
  if (!/:\d{1,5}$/.test(text)) return undefined;
  try {
    const { hostname, port } = parseHostPort(text);
    return isAddress(hostname) && port > 0 ? { server: hostname, port } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the name servers of this machine. */
export async function systemServers(): Promise<ServerTarget[]> {
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

/** Queries one server. */
export function ask(
  target: ServerTarget,
  name: string,
  type: DnsType,
  { settings, signal }: Session,
): Promise<DnsAnswer> {
  return queryDns(name, type, { ...settings, ...target, signal });
}

/** Queries the servers in turn until one answers. The last error is thrown. */
export async function askAny(
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
