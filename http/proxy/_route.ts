import type { Address, HostPort } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { encodeProxyHeader, type ProxyHeader } from "../../net/proxy_protocol_codec.ts";
import type { NextHop } from "./_next_hop.ts";
import type { Target, TargetRules } from "./_target_rules.ts";

/** The way of a request to its target. A reused connection serves only one way. */
export interface Way {
  readonly target: Target;
  readonly hop: NextHop;
  /** The rules for the addresses of the target. */
  readonly rules: TargetRules;
  /** The PROXY header of the client; undefined if none is sent. */
  readonly introduction: Introduction | undefined;
  /** The key of the connections that can be used. */
  readonly key: string;
}

/** The header of the PROXY protocol for one client. */
export interface Introduction {
  /** The bytes of the header, which precede all other data. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** The prefix of the keys of connections with this header. */
  readonly key: string;
}

/**
 * Makes a way. Connections to a parent proxy are also separated by target. Some parent proxies forward
 * bytes after the end of a response: Squid 5 after a 204, and tinyproxy always. Otherwise one server
 * could answer the next request of another client for another server.
 */
export function wayTo(
  target: Target,
  hop: NextHop,
  rules: TargetRules,
  introduction: Introduction | undefined,
): Way {
  const client = introduction === undefined ? "" : introduction.key;
  const key = client + hop.key + rules.key + target.key;
  return { target, hop, rules, introduction, key };
}

/**
 * Makes the PROXY header for a client.
 *
 * @param conn The connection of the client.
 * @param version The version of the PROXY protocol.
 * @param received The received PROXY header, which contains the original destination.
 */
export function introductionOf(
  conn: Connection,
  version: 1 | 2,
  received: ProxyHeader | undefined,
): Introduction {
  const source = hostPort(conn.remoteAddr);
  const destination = received?.destination ?? hostPort(conn.localAddr);
  const known = source !== undefined && destination !== undefined;
  const header = encodeProxyHeader({ version, ...known && { source, destination } });
  return { header, key: `client ${conn.id} ` };
}

function hostPort(address: Address): HostPort | undefined {
  if (!("hostname" in address)) return undefined;
  // A zone is valid only on this machine.
  return { hostname: address.hostname.replace(/%[\w.-]+$/, ""), port: address.port };
}
