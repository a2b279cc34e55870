/** Carries questions to a server over UDP, TCP and TLS. */

import { formatAddress, type HostPort } from "../address.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { connectTcp } from "../tcp/client.ts";
import { connectTls } from "../tls/client.ts";
import { connectUdp } from "../udp/socket.ts";
import { decodeDnsMessage, type DnsMessage } from "./codec.ts";
import type { DnsExchangeLimits, DnsTlsOptions } from "./query_options.ts";
import { isAnswer, type Question } from "./_question.ts";

/** Sends a question over UDP, up to three times, and returns the answer. */
export async function askUdp(
  { hostname, port }: HostPort,
  { bytes, message: asked }: Question,
  { timeout, signal }: DnsExchangeLimits,
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
      if (!isAnswer(message, asked)) return false;
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
  if (found === undefined) throw unasked(formatAddress({ hostname, port }));
  return found;
}

/** Sends a question over TCP or TLS, on a connection of its own, and returns the answer. */
export async function askStream(
  { hostname, port }: HostPort,
  tls: DnsTlsOptions | undefined,
  { bytes }: Question,
  { timeout, signal }: DnsExchangeLimits,
): Promise<DnsMessage> {
  const until = performance.now() + timeout;
  const left = () => ({
    timeout: Math.max(Math.ceil(until - performance.now()), 1),
    ...(signal !== undefined && { signal }),
  });
  // A server may keep the connection open for more queries, so waiting for its end takes too long.
  const target = { hostname, port, lingerTimeout: 0, ...left() };
  await using conn = tls === undefined
    ? await connectTcp(target)
    : await connectTls({ ...target, ...tls, alpnProtocols: ["dot"], handshakeTimeout: timeout });
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

/** Returns the error for an answer to another question. */
export function unasked(address: string): NetError {
  return new NetError(`The answer of ${address} is for another question`, {
    kind: "protocol",
    phase: "response",
    address,
  });
}
