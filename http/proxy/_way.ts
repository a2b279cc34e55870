import type { Address, HostPort } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { encodeProxyHeader, type ProxyHeader } from "../../net/proxy_protocol_codec.ts";
import type { NextHop } from "./_next_hop.ts";
import type { Rules, Target } from "./_rules.ts";

/** How a request reaches its target. A kept connection serves one way only. */
export interface Way {
  readonly target: Target;
  readonly hop: NextHop;
  /** The rules for the addresses of the target. */
  readonly rules: Rules;
  /** The PROXY header of the client; undefined if none is sent. */
  readonly introduction: Introduction | undefined;
  /** Key of the connections that may be used for it. */
  readonly key: string;
}

/** A header of the PROXY protocol for one client. */
export interface Introduction {
  /** The bytes of the header. They come before anything else. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Prefix of the keys of connections that were opened with this header. */
  readonly key: string;
}

/**
 * Makes a way. Connections to a parent proxy are kept apart by target, too: a parent that forwards
 * bytes behind the end of a response, as Squid 5 does behind a 204 and tinyproxy does always, would
 * let one server answer the request that the next client has for another server.
 */
export function wayTo(
  target: Target,
  hop: NextHop,
  rules: Rules,
  introduction: Introduction | undefined,
): Way {
  const client = introduction === undefined ? "" : introduction.key;
  const key = client + hop.key + rules.key + target.key;
  return { target, hop, rules, introduction, key };
}

/**
 * Introduces a client to servers.
 *
 * @param conn The connection of the client.
 * @param version The version of the PROXY protocol.
 * @param received The header that came with the connection: it tells where the client connected to.
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
  // A zone means nothing on another machine.
  return { hostname: address.hostname.replace(/%[\w.-]+$/, ""), port: address.port };
}
