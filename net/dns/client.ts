/**
 * A DNS client that queries a server of your choice. It uses UDP, repeats unanswered queries, and
 * switches to TCP if an answer does not fit (RFC 1035 §4.2, RFC 7766). Unlike `Deno.resolveDns`, it
 * distinguishes NXDOMAIN, SERVFAIL and a name without such records, and it returns the TTL.
 *
 * @example A name that does not exist
 * ```ts
 * import { decodeDnsMessage, encodeDnsMessage, queryDns } from "@portside/kit/net/dns";
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * const serving = server.receive().then(({ data, from }) => {
 *   const { id, questions } = decodeDnsMessage(data);
 *   const answer = { id, questions, response: true, code: "NXDOMAIN" };
 *   return server.send(encodeDnsMessage(answer), from);
 * });
 * const { port } = server.addr;
 * const { code, answers } = await queryDns("no.test", "A", { server: "127.0.0.1", port });
 * assertEquals([code, answers], ["NXDOMAIN", []]);
 * await serving;
 * ```
 *
 * **Permissions**: `--allow-net` for the server with its port, and for the local address:
 * `127.0.0.1` for a server on this machine, else `0.0.0.0` or `[::]`.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "./codec.ts";
import type { DnsType } from "./record.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { connectTcp } from "../tcp/client.ts";
import { connectUdp } from "../udp/socket.ts";
import { peerAddress } from "../internal/host_rules.ts";
import {
  flag,
  MAX_TIMER,
  milliseconds,
  optionError,
  OptionRules,
  port,
  required,
  signal,
  text,
  timeLimit,
} from "../internal/options.ts";

/** Options of {@linkcode queryDns}. */
export interface QueryDnsOptions {
  /** The IP address of the server. */
  server: string;
  /**
   * The port of the server.
   *
   * @default 53
   */
  port?: number;
  /**
   * Time limit for the whole query in milliseconds; 0 for no limit. Over UDP, the query is repeated
   * after one seventh of this time, and again after two further sevenths.
   *
   * @default 5000
   */
  timeout?: number;
  /**
   * Whether to use TCP from the start.
   *
   * @default false
   */
  tcp?: boolean;
  /**
   * Whether the server should query other servers for records that it does not have.
   *
   * @default true
   */
  recursion?: boolean;
  /** Cancels the query, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** The answer of a server. */
export interface DnsAnswer extends DnsMessage {
  /** The server with its port, for example `192.0.2.53:53`. */
  readonly server: string;
  /** The protocol over which the answer arrived. */
  readonly transport: "udp" | "tcp";
  /** The duration of the query in milliseconds. */
  readonly time: number;
}

const QUERY = new OptionRules<QueryDnsOptions>({
  server: required(peerAddress),
  port,
  timeout: milliseconds,
  tcp: flag,
  recursion: flag,
  signal,
});

/** Largest UDP payload in bytes that is not fragmented on any path (DNS Flag Day 2020). */
const UDP_SIZE = 1232;

/**
 * Queries one server for the records of a name.
 *
 * @param name The domain name. A name in another script is converted to ASCII (IDNA).
 * @param type The type of records, for example `MX`, or `TYPE15` by its number.
 * @param options The server, the time limit, and the transport.
 * @returns The answer, also if its code reports an error such as `NXDOMAIN`.
 * @throws {NetError} Of kind "timeout" if no answer arrives, "protocol" if the answer is malformed,
 * "refused" and others.
 * @throws {TypeError | RangeError} If the name, the type or an option is invalid.
 *
 * @example A server that does not answer
 * ```ts
 * import { queryDns } from "@portside/kit/net/dns";
 * import { NetError } from "@portside/kit/net/errors";
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using silent = await bindUdp();
 * const options = { server: "127.0.0.1", port: silent.addr.port, timeout: 70 };
 * const error = await assertRejects(() => queryDns("host.test", "A", options), NetError);
 * assertEquals([error.kind, silent.stats().received], ["timeout", 3]);
 * ```
 */
export async function queryDns(
  name: string,
  type: DnsType,
  options: QueryDnsOptions,
): Promise<DnsAnswer> {
  text("name", name);
  options = QUERY.check("queryDns", options);
  const { server, port = 53, recursion = true, signal } = options;
  const timeout = Math.min(timeLimit(options.timeout ?? 5000), MAX_TIMER);
  const started = performance.now();
  const questions = [{ name: toAscii(name), type }];
  const [id] = crypto.getRandomValues(new Uint16Array(1)) as unknown as [number];
  const ask = (extended: boolean) =>
    encodeDnsMessage({
      id,
      recursionDesired: recursion,
      authenticated: true,
      questions,
      extension: extended ? { udpSize: UDP_SIZE, dnssec: false } : undefined,
    });
  // Encoding rejects an invalid name or type before any I/O.
  const question = ask(true);
  const asked = decodeDnsMessage(question);
  signal?.throwIfAborted();
  const left = () => timeout - (performance.now() - started);
  const overTcp = (bytes: Uint8Array) => askTcp(server, port, bytes, left(), signal);
  const overUdp = (bytes: Uint8Array) => askUdp(server, port, bytes, asked, left(), signal);
  const attempt = async (bytes: Uint8Array): Promise<[DnsMessage, "udp" | "tcp"]> => {
    if (options.tcp !== true) {
      const answer = await overUdp(bytes);
      if (!answer.truncated) return [answer, "udp"];
    }
    const answer = await overTcp(bytes);
    if (!answers(answer, asked)) throw unasked(server, port);
    return [answer, "tcp"];
  };
  let [message, transport] = await attempt(question);
  // Old servers reject the extension (RFC 6891 §7).
  if (message.code === "FORMERR" && message.extension === undefined) {
    [message, transport] = await attempt(ask(false));
  }
  return {
    ...message,
    server: formatAddress({ hostname: server, port }),
    transport,
    time: performance.now() - started,
  };
}

async function askUdp(
  hostname: string,
  port: number,
  bytes: Uint8Array,
  asked: DnsMessage,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<DnsMessage> {
  await using socket = await connectUdp({ hostname, port });
  let found: DnsMessage | undefined;
  let broken: unknown;
  // Another datagram may be an attempt at forgery, so the client goes on waiting for the answer.
  const match = (data: Uint8Array) => {
    // This check comes first because decoding every message of a flood is expensive.
    if (data[0] !== bytes[0] || data[1] !== bytes[1]) return false;
    try {
      const message = decode(data);
      if (!answers(message, asked)) return false;
      found = message;
      return true;
    } catch (error) {
      broken = error;
      return false;
    }
  };
  try {
    const limit = Math.max(timeout / 7, 1);
    await socket.request(bytes, undefined, { timeout: limit, resends: 2, signal, match });
  } catch (error) {
    // A malformed answer is a better explanation than a timeout.
    throw broken !== undefined && toNetError(error).kind === "timeout" ? broken : error;
  }
  if (found === undefined) throw unasked(hostname, port);
  return found;
}

async function askTcp(
  hostname: string,
  port: number,
  bytes: Uint8Array,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<DnsMessage> {
  const until = performance.now() + timeout;
  const left = () => ({ timeout: Math.max(Math.ceil(until - performance.now()), 1), signal });
  // A server may keep the connection open for more queries, so waiting for its end takes too long.
  await using conn = await connectTcp({ hostname, port, lingerTimeout: 0, ...left() });
  await conn.writeFrame(bytes, { lengthBytes: 2 });
  const frame = await conn.readFrame({ lengthBytes: 2, max: 0xffff, ...left() });
  if (frame === null) {
    throw new NetError(`${conn.peer} closed the connection without an answer`, {
      kind: "truncated",
      phase: "response",
      address: conn.peer,
    });
  }
  return decodeDnsMessage(frame);
}

function decode(bytes: Uint8Array): DnsMessage {
  try {
    return decodeDnsMessage(bytes);
  } catch (error) {
    // A truncated answer may end inside a record. Its header is enough to switch to TCP.
    const head = bytes.slice(0, 12);
    if (head.length < 12 || (head[2]! & 2) === 0) throw error;
    head.fill(0, 4);
    return decodeDnsMessage(head);
  }
}

/** Returns whether a message has the identifier and question of a query; errors may omit the question. */
function answers(message: DnsMessage, asked: DnsMessage): boolean {
  const [question] = asked.questions;
  const [echo, ...others] = message.questions;
  if (!message.response || message.id !== asked.id || others.length > 0) return false;
  if (echo === undefined) return message.truncated || message.code !== "NOERROR";
  return echo.type === question?.type && echo.name.toLowerCase() === question.name.toLowerCase();
}

function unasked(hostname: string, port: number): NetError {
  const address = formatAddress({ hostname, port });
  return new NetError(`The answer of ${address} is for another question`, {
    kind: "protocol",
    phase: "response",
    address,
  });
}

/** Converts a name in another script to ASCII. An ASCII name stays as it is, even with underscores. */
function toAscii(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name;
  return name.split(/[.。]/).map((label) => {
    if (/^[\x20-\x7e]*$/.test(label)) return label;
    const hostname = URL.parse(`http://${label}.invalid/`)?.hostname ?? "";
    // The URL parser may take other characters for separators of a URL.
    const ascii = /^([^.]+)\.invalid$/.exec(hostname)?.[1];
    if (ascii === undefined) {
      throw optionError("name", "a domain name", name);
    }
    return ascii;
  }).join(".");
}
