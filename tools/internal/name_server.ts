/** Reads the name servers that a user names, and queries them. */

import type { HttpClient } from "../../http/client/client.ts";
import { dnsOverHttps } from "../../http/client/dns_over_https.ts";
import { parseHostPort } from "../../net/address.ts";
import { type DnsAnswer, queryDns } from "../../net/dns/client.ts";
import type { DnsQuerySettings, QueryDnsOptions } from "../../net/dns/query_options.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { isAddress } from "./program_output.ts";

/** The things that the queries of a run have in common. */
export interface Session {
  /** The client for DNS over HTTPS. */
  readonly client: HttpClient;
  readonly caCerts: readonly string[];
  readonly settings: DnsQuerySettings;
  readonly signal: AbortSignal;
}

/** A server and the way to it. */
export type ServerTarget = Pick<QueryDnsOptions, "port" | "server" | "tcp" | "tls">;

/** The forms of a server, for messages. */
export const SERVER_FORMS =
  "ADDRESS, ADDRESS:PORT, tcp://ADDRESS, tls://ADDRESS#NAME, or https://…";

/** Returns the way to a server. DNS over HTTPS needs the client, and TLS the authorities. */
export type NamedServer = (session: Pick<Session, "caCerts" | "client">) => ServerTarget;

/**
 * Reads a server: `192.0.2.53:53`, `tcp://192.0.2.53`, `tls://192.0.2.53#dns.example`, a URL. Undefined if
 * it has none of these forms.
 */
export function readServer(given: string): NamedServer | undefined {
  if (/^https?:\/\//i.test(given)) {
    if (!URL.canParse(given)) return undefined;
    return ({ client }) => ({ server: dnsOverHttps({ url: given, client }) });
  }
  const [, scheme = "udp", rest = "", serverName] =
    /^(?:(udp|tcp|tls):\/\/)?([^#/]+)\/?(?:#(.+))?$/i.exec(given) ?? [];
  const way = scheme.toLowerCase();
  const peer = readPeer(rest);
  if (peer === undefined || (serverName !== undefined && way !== "tls")) return undefined;
  if (way === "tcp") return () => ({ ...peer, tcp: true });
  if (way !== "tls") return () => peer;
  const name = serverName === undefined ? {} : { serverName };
  return ({ caCerts }) => ({ ...peer, tls: { caCerts: [...caCerts], ...name } });
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

/** Queries one server. */
export function ask(
  target: ServerTarget,
  name: string,
  type: DnsType,
  { settings, signal }: Pick<Session, "settings" | "signal">,
): Promise<DnsAnswer> {
  return queryDns(name, type, { ...settings, ...target, signal });
}
