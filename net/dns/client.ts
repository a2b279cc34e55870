/**
 * A DNS client that queries a server of your choice. It uses UDP, repeats unanswered queries, and
 * switches to TCP if an answer does not fit (RFC 1035 §4.2, RFC 7766), or uses TLS (RFC 7858). Unlike `Deno.resolveDns`, it
 * distinguishes NXDOMAIN, SERVFAIL and a name without such records, and it returns the TTL.
 *
 * **Permissions**: `--allow-net` for the server with its port, and for the local address:
 * `127.0.0.1` for a server on this machine, else `0.0.0.0` or `[::]`.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { MAX_TIMER, text, timeLimit } from "../internal/options.ts";
import { ageMessage } from "./_age.ts";
import { decodeDnsMessage, type DnsMessage } from "./codec.ts";
import { askStream, askUdp, unasked } from "./_exchange.ts";
import type {
  DnsAnswer,
  DnsServer,
  DnsTlsOptions,
  DnsTransport,
  QueryDnsOptions,
} from "./query_options.ts";
import { isDnsServer, QUERY } from "./_query_rules.ts";
import { isAnswer, type Question, QuestionForms } from "./_question.ts";
import type { DnsType } from "./record_types.ts";

export type * from "./query_options.ts";

const PORT = 53;
const TLS_PORT = 853;

/**
 * Queries one server for the records of a name.
 *
 * @param name The domain name. A name in another script is converted to ASCII (IDNA).
 * @param type The type of records, for example `MX`, or `TYPE15` by its number.
 * @param options The server, the time limit, and the transport.
 * @returns The answer, also if its code reports an error such as `NXDOMAIN`.
 * @throws {NetError} Of kind "timeout" if no answer arrives, "protocol" if the answer is malformed,
 * "refused", "tls" and others.
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
  const { signal, cookie } = options;
  const carrier = carrierOf(options);
  const timeout = Math.min(timeLimit(options.timeout ?? 5000), MAX_TIMER);
  const started = performance.now();
  const isEncrypted = carrier.transport === "tls" || carrier.transport === "https";
  // An answer over HTTPS can be cached if the same question has the same bytes (RFC 8484 §4.1).
  const [random = 0] = crypto.getRandomValues(new Uint16Array(1));
  const id = carrier.transport === "https" ? 0 : random;
  // Encoding rejects an invalid name or type before any I/O.
  const forms = new QuestionForms(id, name, type, options, isEncrypted);
  const question = forms.extended(cookie);
  signal?.throwIfAborted();
  const attempt = (question: Question) =>
    carrier.ask(question, { timeout: timeout - (performance.now() - started), signal });
  let [message, transport] = await attempt(question);
  const served = message.extension?.cookie;
  if (message.code === "BADCOOKIE" && cookie !== undefined && served?.server !== undefined) {
    [message, transport] = await attempt(forms.extended(served));
  }
  // Old servers reject the extension (RFC 6891 §7).
  if (message.code === "FORMERR" && message.extension === undefined) {
    [message, transport] = await attempt(forms.plain());
  }
  return { ...message, server: carrier.name, transport, time: performance.now() - started };
}

/** A way to a server. */
interface Carrier extends Pick<DnsServer, "name" | "transport"> {
  ask(
    question: Question,
    limits: { timeout: number; signal: AbortSignal | undefined },
  ): Promise<[DnsMessage, DnsTransport]>;
}

function carrierOf({ server, port, tcp, tls }: QueryDnsOptions): Carrier {
  if (isDnsServer(server)) {
    if (port !== undefined || tcp || tls) {
      throw new TypeError(
        `The options port, tcp and tls do not apply to the server ${server.name}`,
      );
    }
    return ownCarrier(server);
  }
  const secured: DnsTlsOptions | undefined = tls === true ? {} : tls || undefined;
  const peer = { hostname: server, port: port ?? (secured ? TLS_PORT : PORT) };
  const name = formatAddress(peer);
  const stream = secured ? "tls" : "tcp";
  return {
    name,
    transport: secured ? "tls" : tcp ? "tcp" : "udp",
    async ask(question, limits) {
      const until = performance.now() + limits.timeout;
      if (!tcp && !secured) {
        const answer = await askUdp(peer, question, limits);
        if (!answer.truncated) return [answer, "udp"];
      }
      const left = { ...limits, timeout: until - performance.now() };
      const answer = await askStream(peer, secured, question, left);
      if (!isAnswer(answer, question.message)) throw unasked(name);
      return [answer, stream];
    },
  };
}

function ownCarrier(server: DnsServer): Carrier {
  const { name, transport } = server;
  return {
    name,
    transport,
    async ask({ bytes, message: asked }, limits) {
      const { message, age = 0 } = await server.exchange(bytes, limits);
      const answer = decodeDnsMessage(message);
      if (!isAnswer(answer, asked)) throw unasked(name);
      // RFC 8484 §5.1
      return [ageMessage(answer, age), transport];
    },
  };
}
