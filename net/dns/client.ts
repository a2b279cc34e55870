/**
 * Asks a DNS server of one's choice: over UDP, again if no answer comes, and over TCP if it does
 * not fit (RFC 1035 §4.2, RFC 7766). Unlike `Deno.resolveDns` it tells NXDOMAIN from SERVFAIL and
 * from a name that has no such records, and how long an answer may be kept.
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
 * **Permissions**: `--allow-net` for the server with its port, and for the local address that is
 * bound: `127.0.0.1` for a server on this machine, else `0.0.0.0` or `[::]`.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "./codec.ts";
import type { DnsType } from "./record.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { connectTcp } from "../tcp/client.ts";
import { connectUdp } from "../udp/socket.ts";
import { checkNumber } from "../internal/options.ts";

/** Options of {@linkcode queryDns}. */
export interface QueryDnsOptions {
  /** The IP address of the server. */
  server: string;
  /**
   * Its port.
   *
   * @default 53
   */
  port?: number;
  /**
   * How long all of it may take, in milliseconds: a question is sent again after a seventh of it,
   * and once more after two further sevenths.
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
   * Whether the server is asked to find out what it does not know itself.
   *
   * @default true
   */
  recursion?: boolean;
  /** Gives up; it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What a server has answered. */
export interface DnsAnswer extends DnsMessage {
  /** The server with its port, e.g. `192.0.2.53:53`. */
  readonly server: string;
  /** How it was asked in the end. */
  readonly transport: "udp" | "tcp";
  /** How long it took, in milliseconds. */
  readonly time: number;
}

/** A size that no path fragments (DNS Flag Day 2020). */
const UDP_SIZE = 1232;
const MAX_TIMEOUT = 2 ** 31 - 1;

/**
 * Asks one server for the records of a name.
 *
 * @param name The name; one of another script is translated (IDNA).
 * @param type The type of records.
 * @param options The server, and the limits.
 * @returns The answer, whatever its code: `NXDOMAIN` is an answer too.
 * @throws {NetError} "timeout" if nobody answers, "protocol" for an answer that is none, "refused" …
 * @throws {TypeError | RangeError} If the name, the type or an option is no such thing.
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
  const { server, port = 53, recursion = true, signal } = options;
  const timeout = Math.min(
    checkNumber("timeout", options.timeout ?? 5000) || MAX_TIMEOUT,
    MAX_TIMEOUT,
  );
  const started = performance.now();
  const questions = [{ name: toAscii(name), type }];
  const [id] = crypto.getRandomValues(new Uint16Array(1)) as unknown as [number];
  const ask = (extended: boolean) =>
    encodeDnsMessage({
      id,
      recursionDesired: recursion,
      questions,
      extension: extended ? { udpSize: UDP_SIZE, dnssec: false } : undefined,
    });
  // Wrong arguments come before any I/O.
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
  // An old server that stumbles over the extension (RFC 6891 §7).
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
  // What is not the answer may be a forger's try: the real one is waited for.
  const match = (data: Uint8Array) => {
    // Looked at first: to take a message apart is more work than a flood of them is worth.
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
    // A server that answers what nobody can read is not silent.
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
  // A server may keep the connection for more questions: there is no end to wait for.
  await using conn = await connectTcp({ hostname, port, lingerTimeout: 0, ...left() });
  await conn.writeFrame(bytes, { lengthBytes: 2 });
  const frame = await conn.readFrame({ lengthBytes: 2, max: 0xffff, ...left() });
  if (frame === null) {
    throw new NetError(`${conn.peer} ended without an answer`, {
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
    // A truncated answer may end in the middle of a record; its head is enough to ask again.
    const head = bytes.slice(0, 12);
    if (head.length < 12 || (head[2]! & 2) === 0) throw error;
    head.fill(0, 4);
    return decodeDnsMessage(head);
  }
}

/** Same number, same question; an error may leave the question out. */
function answers(message: DnsMessage, asked: DnsMessage): boolean {
  const [question] = asked.questions;
  const [echo, ...others] = message.questions;
  if (!message.response || message.id !== asked.id || others.length > 0) return false;
  if (echo === undefined) return message.truncated || message.code !== "NOERROR";
  return echo.type === question?.type && echo.name.toLowerCase() === question.name.toLowerCase();
}

function unasked(hostname: string, port: number): NetError {
  const address = formatAddress({ hostname, port });
  return new NetError(`Cannot use the answer of ${address}: it is for another question`, {
    kind: "protocol",
    phase: "response",
    address,
  });
}

/** A name of another script as ASCII; one that is ASCII stays as it is, underscores and all. */
function toAscii(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name;
  return name.split(/[.。]/).map((label) => {
    if (/^[\x20-\x7e]*$/.test(label)) return label;
    const hostname = URL.parse(`http://${label}.invalid/`)?.hostname ?? "";
    // What is no letter there may be read as another part of an URL.
    const ascii = /^([^.]+)\.invalid$/.exec(hostname)?.[1];
    if (ascii === undefined) {
      throw new TypeError(`Cannot use the name ${JSON.stringify(name)}: it is no domain name`);
    }
    return ascii;
  }).join(".");
}
