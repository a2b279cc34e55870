/**
 * DNS over HTTPS (RFC 8484): a server for `queryDns` and `createDnsResolver` of `net/dns`.
 *
 * @example A query over HTTPS
 * ```ts
 * import { dnsOverHttps } from "@portside/kit/http/dns-over-https";
 * import { createClient } from "@portside/kit/http/client";
 * import { decodeDnsMessage, encodeDnsMessage, queryDns } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
 *   const { id, questions } = decodeDnsMessage(await request.bytes());
 *   const answer = encodeDnsMessage({ id, questions, response: true, code: "NXDOMAIN" });
 *   return new Response(answer, { headers: { "content-type": "application/dns-message" } });
 * });
 * await using client = createClient();
 * const url = `http://127.0.0.1:${server.addr.port}/dns-query`;
 * const { code } = await queryDns("no.test", "A", { server: dnsOverHttps({ url, client }) });
 * assertEquals(code, "NXDOMAIN");
 * ```
 *
 * **Permissions**: `--allow-net=HOST:PORT` for the server.
 *
 * @module
 */

import type { DnsExchanged, DnsExchangeLimits, DnsServer } from "../../net/dns/query_options.ts";
import { NetError } from "../../net/errors/errors.ts";
import {
  anObject,
  oneOf,
  optionError,
  OptionRules,
  required,
  type Rule,
} from "../../net/internal/options.ts";
import { lowerAscii, parseDigits, trimBlanks } from "../../net/text.ts";
import type { HttpClient } from "./client.ts";

/** Options of {@linkcode dnsOverHttps}. */
export interface DnsOverHttpsOptions {
  /**
   * The URL of the server, such as `https://dns.example/dns-query`. `{?dns}` at its end is omitted, so
   * a template of RFC 8484 is accepted, too.
   */
  url: string | URL;
  /**
   * The client that sends the requests. It determines the trusted authorities, the proxy and the number
   * of connections. It stays open.
   */
  client: HttpClient;
  /**
   * The method. Caches on the way can only keep the answers to GET.
   *
   * @default "POST"
   */
  method?: "GET" | "POST";
}

const url: Rule = (name, value) => {
  const parsed = URL.parse(String(value));
  if (parsed?.protocol === "https:" || parsed?.protocol === "http:") return;
  throw optionError(name, "the URL of a server, https: or http:", value);
};

const RULES = new OptionRules<DnsOverHttpsOptions>({
  url: required(url),
  client: required(anObject),
  method: oneOf("GET", "POST"),
});

const MEDIA_TYPE = "application/dns-message";
const MAX_MESSAGE = 0xffff;

/**
 * Makes a server that is reached over HTTPS. It does no I/O before the first query.
 *
 * @param options The URL, and the client that sends the requests.
 * @returns The server, for the option `server` of `queryDns`, or `servers` of a resolver. Its
 * `exchange` rejects with `HttpStatusError` if the server answers with another status than 200, and with
 * a `NetError` of kind "protocol" if the body is no DNS message.
 * @throws {TypeError} If an option is invalid.
 *
 * @example A resolver that sends GET requests
 * ```ts
 * import { dnsOverHttps } from "@portside/kit/http/dns-over-https";
 * import { createClient } from "@portside/kit/http/client";
 * import { createDnsResolver } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * await using client = createClient();
 * const url = "https://dns.example/dns-query{?dns}";
 * const server = dnsOverHttps({ url, client, method: "GET" });
 * assertEquals(server.name, "https://dns.example/dns-query");
 * assertEquals(createDnsResolver({ servers: [server] }).stats().queries, 0);
 * ```
 */
export function dnsOverHttps(options: DnsOverHttpsOptions): DnsServer {
  const { url: given, client, method = "POST" } = RULES.check("dnsOverHttps", options);
  const url = new URL(String(given).replace(/\{\?dns\}$/, ""));
  return {
    name: url.href,
    transport: "https",
    exchange: (message, limits) => exchange(client, url, method, message, limits),
  };
}

async function exchange(
  client: HttpClient,
  url: URL,
  method: "GET" | "POST",
  message: Uint8Array<ArrayBuffer>,
  { timeout, signal }: DnsExchangeLimits,
): Promise<DnsExchanged> {
  const common = {
    maxRedirects: 0,
    raiseForStatus: true,
    maxBody: MAX_MESSAGE,
    timeouts: { total: Number.isFinite(timeout) ? Math.max(Math.ceil(timeout), 1) : 0 },
    ...(signal !== undefined && { signal }),
  };
  const response = method === "GET"
    ? await client.get(withMessage(url, message), { ...common, headers: { accept: MEDIA_TYPE } })
    : await client.post(url, {
      ...common,
      headers: { accept: MEDIA_TYPE, "content-type": MEDIA_TYPE },
      body: message,
    });
  const type = response.headers.get("content-type") ?? "";
  if (lowerAscii(trimBlanks(type.split(";", 1)[0]!)) !== MEDIA_TYPE) {
    await response.body?.cancel();
    throw new NetError(`${url.href} returns ${type || "no media type"} instead of DNS messages`, {
      kind: "protocol",
      phase: "response",
      address: url.href,
    });
  }
  const age = parseDigits(response.headers.get("age") ?? "", 9) ?? 0;
  return { message: await response.bytes(), age };
}

/** Returns the URL of a GET request (RFC 8484 §4.1). */
function withMessage(url: URL, message: Uint8Array): URL {
  const target = new URL(url);
  target.searchParams.set("dns", message.toBase64({ alphabet: "base64url", omitPadding: true }));
  return target;
}
