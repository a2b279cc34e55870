import { peerHost } from "../../net/address.ts";
import { AddressBlocks, formatAddressBytes, readAddressBytes } from "../../net/address_block.ts";
import { lowerAscii, parseDigits } from "../../net/text.ts";
import { isHost } from "./host_check.ts";
import { parseList, parseParameters } from "../header_list.ts";
import type { ForwardedInfo, HttpAddr, ServeHttpOptions } from "../server/options.ts";

/** The description of one hop by the next proxy. */
interface Hop {
  readonly client: Deno.NetAddr | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/** The client of a request that has passed proxies. */
export interface ForwardedClient {
  /** The address of the client, or of the last known proxy if a proxy hides the client. */
  readonly client: HttpAddr;
  /** The information for handlers. */
  readonly info: ForwardedInfo<HttpAddr>;
}

/** The addresses of the client and of all proxies except the nearest one. */
const chains = new WeakMap<ForwardedInfo<HttpAddr>, readonly string[]>();

/**
 * Returns the addresses on the path of a request, as trusted proxies state them: the client first, the
 * nearest proxy last. A peer on a Unix socket is "unknown" (RFC 7239 §6.2).
 */
export function chainOf(forwarded: ForwardedInfo<HttpAddr>): readonly string[] {
  return [...chains.get(forwarded) ?? [], nameOf(forwarded.peer)];
}

/** Returns the address of a peer for the next server. */
export function nameOf(peer: HttpAddr): string {
  return "hostname" in peer ? peer.hostname : "unknown";
}

/** Finds the client of a request behind trusted reverse proxies. */
export class ProxyTrust {
  readonly #hops: number;
  readonly #from: AddressBlocks | undefined;
  readonly #standard: boolean;

  /**
   * Reads the option, which must fit the rule `trustProxy`.
   *
   * @param option The value of `trustProxy`.
   */
  constructor(option: NonNullable<ServeHttpOptions["trustProxy"]>) {
    const { hops, from, header = "x-forwarded" } = typeof option === "number"
      ? { hops: option }
      : "length" in option
      ? { from: option }
      : option;
    this.#hops = hops ?? Infinity;
    this.#from = from && new AddressBlocks(from, "trustProxy");
    this.#standard = header === "forwarded";
  }

  /**
   * Finds the client.
   *
   * @param headers The header fields of the request.
   * @param peer The address of the peer of the connection.
   * @returns The client; undefined if the peer is not trusted or names none.
   */
  read(headers: Headers, peer: HttpAddr): ForwardedClient | undefined {
    if (!this.#trusts(peer, 0)) return undefined;
    const hops = this.#standard ? standardHops(headers) : customHops(headers);
    let client: HttpAddr = peer;
    let last: Hop | undefined;
    const through: string[] = [];
    // Go from the nearest proxy outwards, while the proxy that describes a hop is trusted.
    for (let i = hops.length - 1, trusted = 0; i >= 0; i--) {
      if (!this.#trusts(client, trusted++)) break;
      last = hops[i]!;
      // A proxy that hides its client also hides all earlier hops.
      if (last.client === undefined) break;
      client = last.client;
      through.push(last.client.hostname);
    }
    if (last === undefined) return undefined;
    const proto = last.proto === undefined ? undefined : lowerAscii(last.proto);
    const info: ForwardedInfo<HttpAddr> = {
      peer,
      proto: proto === "http" || proto === "https" ? proto : undefined,
      host: last.host !== undefined && isHost(last.host) ? last.host : undefined,
    };
    chains.set(info, through.reverse());
    return { client, info };
  }

  /** Returns whether an address belongs to a trusted proxy at this number of hops. */
  #trusts(address: HttpAddr, hops: number): boolean {
    return this.#from === undefined ? hops < this.#hops : this.#from.includes(peerHost(address));
  }
}

/** Reads `Forwarded` (RFC 7239). */
function standardHops(headers: Headers): Hop[] {
  return parseList(headers.get("forwarded") ?? "").map((element) => {
    const { parameters } = parseParameters(`;${element}`);
    return {
      client: addressOf(parameters.get("for") ?? ""),
      proto: parameters.get("proto"),
      host: parameters.get("host"),
    };
  });
}

/** Reads the `X-Forwarded` fields. Only the nearest proxy describes protocol and host. */
function customHops(headers: Headers): Hop[] {
  const proto = parseList(headers.get("x-forwarded-proto") ?? "").at(-1);
  const host = parseList(headers.get("x-forwarded-host") ?? "").at(-1);
  const clients = parseList(headers.get("x-forwarded-for") ?? "");
  return clients.map((client) => ({ client: addressOf(client), proto, host }));
}

/** Reads an address, perhaps with a port; undefined for "unknown" and hidden names. */
function addressOf(text: string): Deno.NetAddr | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::(\d{1,5}))?$/.exec(
    text,
  );
  const bytes = readAddressBytes(match === null ? text : match[1] ?? match[2]!);
  if (bytes === undefined) return undefined;
  const port = parseDigits(match?.[3] ?? "") ?? 0;
  return { transport: "tcp", hostname: formatAddressBytes(bytes), port: port > 65535 ? 0 : port };
}
