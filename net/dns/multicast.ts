/**
 * Multicast DNS: finds hosts and services of the local network, by names such as `printer.local`
 * (RFC 6762). The queries are one-shot queries (§5.1): responders answer the sender alone, so no port
 * is shared with another program.
 *
 * @example The first answer to a question
 * ```ts
 * import { decodeDnsMessage, encodeDnsMessage, queryMulticastDns } from "@portside/kit/net/dns";
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * // A responder without a group. The real one is 224.0.0.251:5353.
 * await using responder = await bindUdp();
 * const serving = responder.receive().then(({ data, from }) => {
 *   const { id, questions } = decodeDnsMessage(data);
 *   const host = { name: "printer.local", ttl: 10, type: "A", address: "192.0.2.9" } as const;
 *   return responder.send(
 *     encodeDnsMessage({ id, questions, response: true, answers: [host] }),
 *     from,
 *   );
 * });
 * const { hostname, port } = responder.addr;
 * for await (const { answers } of queryMulticastDns("printer.local", "A", { hostname, port })) {
 *   assertEquals(answers.map((record) => record.type === "A" && record.address), ["192.0.2.9"]);
 *   break;
 * }
 * await serving;
 * ```
 *
 * **Permissions**: `--allow-net=224.0.0.251:5353` for the group, and `0.0.0.0` or `localAddress`.
 * `interface` requires `[ff02::fb]:5353` and `[::]`.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { NetError } from "../errors/errors.ts";
import { nameKey } from "../internal/dns_answers.ts";
import { ipAddress, peerAddress } from "../internal/host_rules.ts";
import {
  milliseconds,
  OptionRules,
  port,
  signal,
  text,
  timeLimit,
  word,
} from "../internal/options.ts";
import { bindUdp } from "../udp/socket.ts";
import type { Datagram } from "../udp/options.ts";
import type { UdpSocket } from "../udp/udp_socket.ts";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "./codec.ts";
import { toAscii } from "./_question.ts";
import { dataText } from "./_rdata.ts";
import type { DnsRecord, DnsType } from "./record_types.ts";

/** Options of {@linkcode queryMulticastDns}. */
export interface MulticastDnsOptions {
  /**
   * The time to wait for answers in milliseconds; 0 for no limit.
   *
   * @default 3000
   */
  timeout?: number;
  /**
   * The local IPv4 address, which determines the network to query.
   *
   * @default the choice of the system
   */
  localAddress?: string;
  /**
   * The name of the interface to query over IPv6, such as `eth0`. The group is then ff02::fb.
   *
   * @default none; the query uses IPv4
   */
  interface?: string;
  /**
   * Another group, or a single responder.
   *
   * @default "224.0.0.251"
   */
  hostname?: string;
  /**
   * The port of the responders.
   *
   * @default 5353
   */
  port?: number;
  /** Cancels the query, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** The answer of a host. */
export interface MulticastDnsAnswer extends DnsMessage {
  /** The address and port of the responder. UDP does not protect it against forgery. */
  readonly from: string;
}

const RULES = new OptionRules<MulticastDnsOptions>({
  timeout: milliseconds,
  localAddress: ipAddress,
  interface: word,
  hostname: peerAddress,
  port,
  signal,
});

const GROUP = "224.0.0.251";
const GROUP_V6 = "ff02::fb";
const PORT = 5353;
/** Time until the first repetition in milliseconds; each is twice as long as the last (§5.2). */
const INTERVAL = 1000;
const MAX_INTERVAL = 3_600_000;
/** Most records to remember, so that a flood does not fill the memory. */
const MAX_KNOWN = 1000;
/** Most known records in one question (§7.1), so that it fits into a datagram. */
const MAX_TOLD = 20;

/**
 * Queries all hosts of the local network for the records of a name, and yields their answers as they
 * arrive. It repeats the question after 1, 2, 4, … seconds and tells the hosts which records it knows,
 * so that these are not sent again. Answers without new records are omitted.
 *
 * @param name The name, usually in `local`, or that of a service such as `_http._tcp.local`.
 * @param type The type of records.
 * @param options The time to wait, and the network.
 * @returns The answers until the time is over. Leaving the loop ends the query.
 * @throws {NetError} Of kind "unreachable" without a network, "permission" and others.
 * @throws {TypeError | RangeError} If the name, the type or an option is invalid.
 */
export async function* queryMulticastDns(
  name: string,
  type: DnsType,
  options: MulticastDnsOptions = {},
): AsyncGenerator<MulticastDnsAnswer, void, void> {
  text("name", name);
  options = RULES.check("queryMulticastDns", options);
  const { timeout = 3000, signal, interface: zone, localAddress = "0.0.0.0" } = options;
  const { hostname = zone === undefined ? GROUP : `${GROUP_V6}%${zone}`, port = PORT } = options;
  const query = new MulticastQuery(toAscii(name), type);
  // Encoding rejects an invalid name or type before any I/O.
  query.encode();
  signal?.throwIfAborted();
  await using socket = await bindUdp({ hostname: hostname.includes(":") ? "::" : localAddress });
  const until = performance.now() + timeLimit(timeout);
  let next = performance.now();
  for (let interval = INTERVAL; performance.now() < until;) {
    if (performance.now() >= next) {
      await socket.send(query.encode(), { hostname, port });
      next = performance.now() + interval;
      interval = Math.min(interval * 2, MAX_INTERVAL);
    }
    const datagram = await receive(socket, Math.min(until, next) - performance.now(), signal);
    // Hosts answer from the port of multicast DNS. A forger elsewhere cannot use it (RFC 6762 §6).
    if (datagram?.from.port !== port) continue;
    const answer = query.read(datagram.data);
    if (answer) yield { ...answer, from: formatAddress(datagram.from) };
  }
}

/** Returns the next datagram, or undefined if none arrives in time. */
async function receive(
  socket: UdpSocket,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Datagram | undefined> {
  try {
    const timeout = Math.max(Math.ceil(ms), 1);
    return await socket.receive({ timeout, ...(signal !== undefined && { signal }) });
  } catch (error) {
    if (error instanceof NetError && error.kind === "timeout") return undefined;
    throw error;
  }
}

/** One question, and the records that are known. */
class MulticastQuery {
  readonly #id: number;
  readonly #name: string;
  readonly #type: DnsType;
  readonly #known = new Map<string, DnsRecord>();

  constructor(name: string, type: DnsType) {
    [this.#id = 0] = crypto.getRandomValues(new Uint16Array(1));
    this.#name = name;
    this.#type = type;
  }

  /** Returns the question with the records that need not be sent again. */
  encode(): Uint8Array<ArrayBuffer> {
    return encodeDnsMessage({
      id: this.#id,
      questions: [{ name: this.#name, type: this.#type, unicastResponse: true }],
      answers: [...this.#known.values()].filter((record) => this.#isWanted(record))
        .slice(0, MAX_TOLD),
    });
  }

  /** Returns an answer that has new records. Anything else may arrive at the port, too. */
  read(bytes: Uint8Array): DnsMessage | undefined {
    let message: DnsMessage;
    try {
      message = decodeDnsMessage(bytes);
    } catch {
      return undefined;
    }
    const { id, response, opcode, answers } = message;
    // An answer to the group has the identifier 0 (§18.1).
    if (!response || opcode !== 0 || (id !== this.#id && id !== 0)) return undefined;
    const fresh = answers.filter((record) => this.#isWanted(record) && this.#remember(record));
    return fresh.length > 0 ? message : undefined;
  }

  #isWanted(record: DnsRecord): boolean {
    return nameKey(record.name) === nameKey(this.#name) &&
      (record.type === this.#type || record.type === "CNAME");
  }

  /** Returns whether a record is new. */
  #remember(record: DnsRecord): boolean {
    const key = `${record.type} ${dataText(record)}`;
    if (this.#known.has(key) || this.#known.size >= MAX_KNOWN) return false;
    this.#known.set(key, record);
    return true;
  }
}
