/** `http/client/dns_over_https.ts` against servers of the test. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { dnsOverHttps, type DnsOverHttpsOptions } from "../../../http/client/dns_over_https.ts";
import { HttpStatusError } from "../../../http/client/errors.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { queryDns } from "../../../net/dns/client.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import type { DnsRecord } from "../../../net/dns/record.ts";
import { createDnsResolver } from "../../../net/dns/resolver.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";

const HOST: DnsRecord = { name: "host.test", ttl: 300, type: "A", address: "192.0.2.7" };
const TYPE = "application/dns-message";

function answer(bytes: Uint8Array, headers: Record<string, string> = {}): Response {
  const { id, questions } = decodeDnsMessage(bytes);
  const message = encodeDnsMessage({ id, questions, response: true, answers: [HOST] });
  return new Response(message, { headers: { "content-type": TYPE, ...headers } });
}

Deno.test("dnsOverHttps() sends POST and GET over TLS, and the TTL shrinks by Age", async () => {
  const { cert, key, ca } = await developmentCertificate();
  const seen: string[] = [];
  await using server = serveHttp({ cert, key }, async (request) => {
    const { searchParams, pathname } = new URL(request.url);
    const dns = searchParams.get("dns");
    const bytes = dns === null
      ? await request.bytes()
      : Uint8Array.fromBase64(dns, { alphabet: "base64url" });
    const { id } = decodeDnsMessage(bytes);
    seen.push(
      [request.method, pathname, request.headers.get("accept"), id, bytes.length % 128].join(" "),
    );
    return answer(bytes, { age: "100" });
  });
  await using client = createClient({ caCerts: [ca] });
  for (const method of ["POST", "GET"] as const) {
    const url = `${server.url}/dns-query{?dns}`;
    const found = await queryDns("host.test", "A", {
      server: dnsOverHttps({ url, client, method }),
    });
    assertEquals(found.answers, [{ ...HOST, ttl: 200 }]);
    assertEquals([found.transport, found.server], ["https", `${server.url}/dns-query`]);
  }
  // The identifier is 0, and the size a multiple of 128.
  assertEquals(seen, [`POST /dns-query ${TYPE} 0 0`, `GET /dns-query ${TYPE} 0 0`]);
  assertEquals(client.stats().requests, 2);
});

Deno.test("dnsOverHttps() rejects other answers, and a resolver asks the next server then", async () => {
  const replies: Record<string, () => Response> = {
    "/status": () => new Response("no", { status: 404 }),
    "/type": () => new Response("{}", { headers: { "content-type": "application/dns-json" } }),
    "/none": () => new Response(null),
    "/rubbish": () => new Response("rubbish", { headers: { "content-type": TYPE } }),
    "/moved": () => new Response(null, { status: 307, headers: { location: "/good" } }),
  };
  await using server = serveHttp({}, async (request) => {
    const reply = replies[new URL(request.url).pathname];
    return reply === undefined ? answer(await request.bytes()) : reply();
  });
  await using client = createClient();
  const at = (path: string) => dnsOverHttps({ url: server.url + path, client });
  const ask = (path: string) => queryDns("host.test", "A", { server: at(path) });
  await assertRejects(() => ask("/status"), HttpStatusError);
  for (const path of ["/type", "/none", "/rubbish"]) {
    const error = await assertRejects(() => ask(path), NetError);
    assertEquals([error.kind, error.phase], ["protocol", "response"]);
  }
  await assertRejects(() => ask("/moved"));
  const resolver = createDnsResolver({ servers: [at("/type"), at("/status"), at("/good")] });
  assertEquals((await resolver.query("host.test", "A")).answers, [HOST]);
});

Deno.test("dnsOverHttps() keeps the time limit and the signal of the query", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = serveHttp({}, async (request) => {
    await promise;
    return answer(await request.bytes());
  });
  await using client = createClient();
  const options = { server: dnsOverHttps({ url: `${server.url}/`, client }) };
  const error = await assertRejects(
    () => queryDns("host.test", "A", { ...options, timeout: 50 }),
    NetError,
  );
  assertEquals(error.kind, "timeout");
  const signal = AbortSignal.abort("enough");
  assertEquals(await queryDns("host.test", "A", { ...options, signal }).catch((e) => e), "enough");
  resolve();
});

Deno.test("dnsOverHttps() checks its options", () => {
  const client = {} as DnsOverHttpsOptions["client"];
  const rows: Array<[Partial<DnsOverHttpsOptions>, string]> = [
    [{ client }, "url must be the URL of a server"],
    [{ client, url: "ftp://a.test/" }, "url must be the URL of a server"],
    [{ url: "https://a.test/" }, "client must be an object"],
    [{ client, url: "https://a.test/", method: "PUT" as "GET" }, 'method must be "GET" or "POST"'],
  ];
  for (const [options, message] of rows) {
    assertThrows(() => dnsOverHttps(options as DnsOverHttpsOptions), TypeError, message);
  }
});
