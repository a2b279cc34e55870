/**
 * Follows a name from the root of the DNS to the servers that are responsible for it, one zone after
 * the other. It shows which server gives a wrong answer or none, which a resolver hides.
 *
 * @example A root server that is responsible itself
 * ```ts
 * import { decodeDnsMessage, encodeDnsMessage, traceDns } from "@portside/kit/net/dns";
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * const serving = server.receive().then(({ data, from }) => {
 *   const { id, questions } = decodeDnsMessage(data);
 *   const answer = { id, questions, response: true, authoritative: true, code: "NXDOMAIN" };
 *   return server.send(encodeDnsMessage(answer), from);
 * });
 * const roots = [{ name: "root.test", addresses: ["127.0.0.1"] }];
 * for await (const step of traceDns("host.test", "A", { roots, port: server.addr.port })) {
 *   assertEquals([step.zone, step.server, step.result], [".", "root.test", "answer"]);
 * }
 * await serving;
 * ```
 *
 * **Permissions**: `--allow-net` for the servers, which the answers name.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { NetError } from "../errors/errors.ts";
import { nameKey } from "../internal/dns_answers.ts";
import {
  flag,
  milliseconds,
  optionError,
  OptionRules,
  port,
  type Rule,
  signal,
  text,
} from "../internal/options.ts";
import { peerAddress } from "../internal/host_rules.ts";
import { queryDns } from "./client.ts";
import type { DnsAnswer } from "./query_options.ts";
import { toAscii } from "./_question.ts";
import type { DnsRecord, DnsType } from "./record_types.ts";
import { ROOTS } from "./_roots.ts";

/** A name server with its addresses. */
export interface DnsNameServer {
  /** The name of the server. */
  readonly name: string;
  /** Its addresses. They may be empty if they are still unknown. */
  readonly addresses: readonly string[];
}

/** Options of {@linkcode traceDns}. */
export interface TraceDnsOptions {
  /**
   * The servers to begin with, each with at least one address.
   *
   * @default the root servers of the Internet
   */
  roots?: readonly DnsNameServer[];
  /**
   * The port of all servers.
   *
   * @default 53
   */
  port?: number;
  /**
   * Time limit for each query in milliseconds; 0 for no limit.
   *
   * @default 3000
   */
  timeout?: number;
  /**
   * Time limit for the whole trace in milliseconds; 0 for no limit. The trace ends without an answer then.
   *
   * @default 60000
   */
  totalTimeout?: number;
  /**
   * Whether to use addresses of IPv6, too.
   *
   * @default false
   */
  ipv6?: boolean;
  /** Cancels the trace, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** One query of a trace. */
export interface DnsTraceStep {
  /** The zone that the server is responsible for; `.` is the root. */
  readonly zone: string;
  /** The name of the server. */
  readonly server: string;
  /** The address and port of the server. */
  readonly address: string;
  /**
   * The result: a referral to another zone, the final answer, an answer of a server that is not
   * responsible for the zone ("lame"), or no usable answer ("failed").
   */
  readonly result: "answer" | "failed" | "lame" | "referral";
  /** The zone of a referral. */
  readonly next?: string;
  /** The servers of the next zone. */
  readonly servers?: readonly DnsNameServer[];
  /** Whether the next zone is signed: the referral has a DS record. */
  readonly signed?: boolean;
  /** The answer of the server. */
  readonly answer?: DnsAnswer;
  /** The error of a query without an answer. */
  readonly error?: NetError;
}

const roots: Rule = (name, value) => {
  if (!Array.isArray(value) || value.length === 0) {
    throw optionError(name, "an array with at least one server", value);
  }
  for (const [i, root] of value.entries()) {
    text(`${name}[${i}].name`, root?.name);
    if (!Array.isArray(root.addresses) || root.addresses.length === 0) {
      throw optionError(
        `${name}[${i}].addresses`,
        "an array with at least one address",
        root.addresses,
      );
    }
    for (const address of root.addresses) peerAddress(`${name}[${i}].addresses`, address);
  }
};

const RULES = new OptionRules<TraceDnsOptions>({
  roots,
  port,
  timeout: milliseconds,
  totalTimeout: milliseconds,
  ipv6: flag,
  signal,
});

/** Most queries of a trace, with those for the addresses of name servers. */
const MAX_QUERIES = 100;
/** Most servers of a zone to query. */
const MAX_SERVERS = 4;
/** Deepest search for the address of a name server, which may lead to further name servers. */
const MAX_DEPTH = 4;

/**
 * Follows a name from the root. It stops at the first final answer, and after four servers of a zone
 * that give none. An alias is not followed. A trace makes at most 100 queries, with those for the
 * addresses of name servers. Signatures of DNSSEC are not validated.
 *
 * @param name The domain name, also in another script (IDNA).
 * @param type The type of records.
 * @param options The root servers and the limits.
 * @returns The steps as they happen. Leaving the loop ends the trace.
 * @throws {TypeError | RangeError} If the name, the type or an option is invalid.
 */
export async function* traceDns(
  name: string,
  type: DnsType,
  options: TraceDnsOptions = {},
): AsyncGenerator<DnsTraceStep, void, void> {
  text("name", name);
  options = RULES.check("traceDns", options);
  options.signal?.throwIfAborted();
  yield* new Trace(options).follow(toAscii(name), type, 0);
}

/** The state of one trace. */
class Trace {
  readonly #options: TraceDnsOptions;
  readonly #roots: readonly DnsNameServer[];
  /** Addresses that were found before. */
  readonly #found = new Map<string, readonly string[]>();
  #queries = 0;
  /** When the trace must end, by `performance.now()`. */
  readonly #end: number;

  constructor(options: TraceDnsOptions) {
    const { totalTimeout = 60_000 } = options;
    this.#options = options;
    this.#end = totalTimeout === 0 ? Infinity : performance.now() + totalTimeout;
    this.#roots = options.roots ?? ROOTS;
  }

  async *follow(name: string, type: DnsType, depth: number): AsyncGenerator<DnsTraceStep> {
    let zone = ".";
    let servers = this.#roots;
    for (;;) {
      let next: DnsTraceStep | undefined;
      for (const server of servers.slice(0, MAX_SERVERS)) {
        const [address] = await this.#addressesOf(server, depth);
        if (address === undefined) continue;
        if (this.#queries++ >= MAX_QUERIES || performance.now() >= this.#end) return;
        const step = await this.#ask(name, type, zone, server.name, address);
        yield step;
        if (step.result === "answer") return;
        if (step.result !== "referral") continue;
        next = step;
        break;
      }
      if (next === undefined) return;
      zone = next.next!;
      servers = next.servers!;
    }
  }

  async #ask(
    name: string,
    type: DnsType,
    zone: string,
    server: string,
    address: string,
  ): Promise<DnsTraceStep> {
    const { port = 53, timeout = 3000, signal } = this.#options;
    const base = { zone, server, address: formatAddress({ hostname: address, port }) };
    const left = Math.max(1, Math.ceil(this.#end - performance.now()));
    const most = Math.min(timeout === 0 ? Infinity : timeout, left);
    let answer: DnsAnswer;
    try {
      answer = await queryDns(name, type, {
        server: address,
        port,
        timeout: Number.isFinite(most) ? most : 0,
        recursion: false,
        dnssec: true,
        ...(signal !== undefined && { signal }),
      });
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      return { ...base, result: "failed", error };
    }
    return { ...base, ...judge(answer, name, zone), answer };
  }

  /** Returns addresses of a server, those of IPv4 first. Without glue, it traces them from the root. */
  async #addressesOf(
    { name, addresses }: DnsNameServer,
    depth: number,
  ): Promise<readonly string[]> {
    const key = nameKey(name);
    let found = addresses.length > 0 ? addresses : this.#found.get(key);
    if (found === undefined) {
      // A name that is being looked up must not be looked up again for itself.
      this.#found.set(key, []);
      found = depth < MAX_DEPTH ? await this.#lookUp(name, depth + 1) : [];
      this.#found.set(key, found);
    }
    const four = found.filter((address) => !address.includes(":"));
    const six = this.#options.ipv6 ? found.filter((address) => address.includes(":")) : [];
    return [...four, ...six];
  }

  async #lookUp(name: string, depth: number): Promise<string[]> {
    const types = this.#options.ipv6 ? ["A", "AAAA"] as const : ["A"] as const;
    for (const type of types) {
      for await (const { answer, result } of this.follow(name, type, depth)) {
        const found = addressesIn(answer?.answers ?? [], name);
        if (result === "answer" && found.length > 0) return found;
      }
    }
    return [];
  }
}

/** Says what an answer means to a trace. */
function judge(
  answer: DnsAnswer,
  name: string,
  zone: string,
): Pick<DnsTraceStep, "next" | "result" | "servers" | "signed"> {
  const { code, authoritative, answers, authorities, additionals } = answer;
  if (code !== "NOERROR" && code !== "NXDOMAIN") return { result: "failed" };
  if (authoritative) return { result: "answer" };
  const delegation = authorities.flatMap((record) => record.type === "NS" ? [record] : []);
  const next = delegation[0]?.name;
  // A referral leads down, towards the name.
  if (answers.length === 0 && next !== undefined && isBelow(next, zone) && isIn(name, next)) {
    const glue = Map.groupBy(additionals, (record) => nameKey(record.name));
    const servers = delegation.map(({ target }) => ({
      name: target,
      addresses: addressesIn(glue.get(nameKey(target)) ?? [], target),
    }));
    // Servers with known addresses first: the others cost more queries.
    servers.sort((a, b) => Math.min(b.addresses.length, 1) - Math.min(a.addresses.length, 1));
    const signed = authorities.some((record) => record.type === "DS");
    return { result: "referral", next, servers, signed };
  }
  return { result: "lame" };
}

function addressesIn(records: readonly DnsRecord[], name: string): string[] {
  return records.flatMap((record) =>
    (record.type === "A" || record.type === "AAAA") && nameKey(record.name) === nameKey(name)
      ? [record.address]
      : []
  );
}

/** Returns whether a name is in a zone. */
function isIn(name: string, zone: string): boolean {
  const [inner, outer] = [nameKey(name), nameKey(zone)];
  return outer === "" || inner === outer || inner.endsWith(`.${outer}`);
}

/** Returns whether a zone is within another one. */
function isBelow(zone: string, other: string): boolean {
  return nameKey(zone) !== nameKey(other) && isIn(zone, other);
}
