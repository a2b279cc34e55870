/**
 * A DNS server on 127.0.0.1, UDP and TCP on one port, that answers what a test wants.
 *
 * @module
 */

import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "../../net/dns/codec.ts";
import type { DnsRecord } from "../../net/dns/record.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { serveTls, type ServeTlsOptions } from "../../net/tls/server.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { bindUdp } from "../../net/udp/socket.ts";

/** The start of the zone `test`, whose absent names may be kept for 30 seconds. */
export const SOA: DnsRecord = {
  name: "test",
  ttl: 900,
  type: "SOA",
  primary: "ns.test",
  mailbox: "admin.test",
  serial: 1,
  refresh: 1,
  retry: 1,
  expire: 1,
  minimum: 30,
};

/** What to answer a question with; undefined is silence, bytes are sent as they are. */
export type DnsHandler = (
  question: DnsMessage,
  transport: "udp" | "tcp" | "tls",
) => Partial<DnsMessage> | Uint8Array | undefined;

/** A running server. */
export interface TestDns extends AsyncDisposable {
  /** The port of UDP and TCP. */
  readonly port: number;
  /** The port of TLS; 0 without it. */
  readonly tlsPort: number;
  /** What was asked so far, as `udp host.test A`. */
  readonly asked: string[];
}

/** Starts one; with TLS on a port of its own if there are options for it. */
export async function serveDns(
  handler: DnsHandler,
  tls?: ServeTlsOptions,
): Promise<TestDns> {
  const asked: string[] = [];
  const answer = (bytes: Uint8Array, transport: "udp" | "tcp" | "tls") => {
    const question = decodeDnsMessage(bytes);
    for (const { name, type } of question.questions) asked.push(`${transport} ${name} ${type}`);
    const reply = handler(question, transport);
    if (reply === undefined || reply instanceof Uint8Array) return reply;
    const { id, questions } = question;
    return encodeDnsMessage({ id, questions, response: true, recursionAvailable: true, ...reply });
  };
  const stream = (transport: "tcp" | "tls") => async (conn: Connection) => {
    for await (const frame of conn.frames({ lengthBytes: 2 })) {
      const reply = answer(frame, transport);
      if (reply === undefined) return;
      await conn.writeFrame(reply, { lengthBytes: 2 });
    }
  };
  const server = serveTcp({}, stream("tcp"));
  const secured = tls === undefined ? undefined : serveTls(tls, stream("tls"));
  const socket = await bindUdp({ port: server.addr.port });
  const serving = (async () => {
    for await (const { data, from } of socket) {
      const reply = answer(data, "udp");
      if (reply !== undefined) await socket.send(reply, from);
    }
  })();
  return {
    port: server.addr.port,
    tlsPort: secured?.addr.port ?? 0,
    asked,
    async [Symbol.asyncDispose]() {
      socket.close();
      await serving;
      await server[Symbol.asyncDispose]();
      await secured?.[Symbol.asyncDispose]();
    },
  };
}
