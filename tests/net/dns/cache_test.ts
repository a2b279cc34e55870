/** `net/dns/cache.ts`: TTLs, absence, and the bound. */

import { assertEquals, assertThrows } from "@std/assert";
import { DnsCache, type DnsCacheOptions } from "../../../net/dns/cache.ts";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import type { DnsAnswer } from "../../../net/dns/query_options.ts";
import type { DnsRecord } from "../../../net/dns/record.ts";
import { SOA } from "../../_support/dns.ts";
import { checkEveryOption } from "../../_support/options.ts";

const A: DnsRecord = { name: "host.test", ttl: 60, type: "A", address: "192.0.2.7" };
const ALIAS: DnsRecord = { name: "host.test", ttl: 20, type: "CNAME", target: "other.test" };

function answer(message: Partial<DnsMessage>): DnsAnswer {
  const whole = decodeDnsMessage(encodeDnsMessage({ response: true, ...message }));
  return { ...whole, server: "192.0.2.53:53", transport: "udp", time: 1 };
}

/** Returns the second until which an answer is found. */
function lifetime(message: Partial<DnsMessage>, options?: DnsCacheOptions): number {
  const cache = new DnsCache(options);
  cache.put("host.test", "A", answer(message), 1000);
  let seconds = 0;
  const at = (second: number) => cache.get("host.test", "A", 1000 + second * 1000 - 1);
  while (seconds < 200_000 && at(seconds + 1) !== undefined) seconds++;
  return seconds;
}

Deno.test("DnsCache keeps an answer for the shortest TTL of its records", () => {
  assertEquals(lifetime({ answers: [A] }), 60);
  assertEquals(lifetime({ answers: [ALIAS, { ...A, name: "other.test" }] }), 20);
  assertEquals(lifetime({ answers: [{ ...A, ttl: 0 }] }), 0);
  assertEquals(lifetime({ answers: [{ ...A, ttl: 200_000 }] }), 86_400);
  assertEquals(lifetime({ answers: [A] }, { maxTtl: 5 }), 5);
});

Deno.test("DnsCache keeps the absence of records for the time in the SOA record", () => {
  for (const code of ["NOERROR", "NXDOMAIN"]) {
    assertEquals(lifetime({ code, authorities: [SOA] }), 30);
    assertEquals(lifetime({ code, authorities: [{ ...SOA, ttl: 7 }] }), 7);
    assertEquals(lifetime({ code, answers: [ALIAS], authorities: [SOA] }), 20);
    assertEquals(lifetime({ code, authorities: [SOA] }, { maxNegativeTtl: 5 }), 5);
    assertEquals(lifetime({ code }), 0);
  }
});

Deno.test("DnsCache keeps no failure and no truncated answer", () => {
  assertEquals(lifetime({ code: "SERVFAIL", authorities: [SOA] }), 0);
  assertEquals(lifetime({ code: "REFUSED", answers: [A] }), 0);
  assertEquals(lifetime({ truncated: true, answers: [A] }), 0);
});

Deno.test("a name that does not exist has no records of any type, a type may be missing alone", () => {
  const cache = new DnsCache();
  cache.put("host.test", "A", answer({ code: "NXDOMAIN", authorities: [SOA] }), 0);
  assertEquals(cache.get("HOST.test.", "MX", 0)?.code, "NXDOMAIN");
  cache.put("other.test", "A", answer({ authorities: [SOA] }), 0);
  assertEquals(cache.get("other.test", "A", 0)?.code, "NOERROR");
  assertEquals(cache.get("other.test", "MX", 0), undefined);
  const alias = answer({ code: "NXDOMAIN", answers: [ALIAS], authorities: [SOA] });
  cache.put("alias.test", "A", alias, 0);
  assertEquals(cache.get("alias.test", "CNAME", 0), undefined);
});

Deno.test("DnsCache reduces TTLs, and drops what was not used for the longest time", () => {
  const cache = new DnsCache({ maxEntries: 2 });
  const of = (name: string) => answer({ answers: [{ ...A, name }] });
  for (const name of ["a.test", "b.test"]) cache.put(name, "A", of(name), 0);
  assertEquals(cache.get("a.test", "A", 1500)?.answers, [{ ...A, name: "a.test", ttl: 59 }]);
  cache.put("c.test", "A", of("c.test"), 2000);
  assertEquals([cache.size, cache.get("b.test", "A", 2000)], [2, undefined]);
  assertEquals(cache.get("a.test", "A", 60_000), undefined);
  assertEquals(cache.size, 1);
  cache.clear();
  assertEquals(cache.size, 0);
});

Deno.test("DnsCache drops old answers above its size, and keeps none that is larger", () => {
  const cache = new DnsCache({ maxSize: 10_000 });
  const put = (name: string, texts: number) => {
    const record: DnsRecord = {
      name,
      ttl: 60,
      type: "TXT",
      texts: Array(texts).fill("x".repeat(200)),
    };
    cache.put(name, "TXT", answer({ answers: [record] }), 0);
  };
  put("a.test", 20);
  put("a.test", 20);
  put("b.test", 20);
  assertEquals(cache.size, 2);
  cache.get("a.test", "TXT", 0);
  put("c.test", 20);
  assertEquals([cache.size, cache.get("b.test", "TXT", 0)], [2, undefined]);
  put("a.test", 60);
  assertEquals([cache.size, cache.get("a.test", "TXT", 0)], [1, undefined]);
});

Deno.test("DnsCache keeps no records of other names, except those that aliases lead to", () => {
  const foreign = { ...A, name: "other.test" };
  assertEquals(lifetime({ answers: [foreign] }), 0);
  assertEquals(lifetime({ answers: [A, foreign] }), 0);
  assertEquals(lifetime({ answers: [foreign, ALIAS] }), 20);
  assertEquals(
    lifetime({ answers: [ALIAS, { ...ALIAS, name: "other.test", target: "host.test" }] }),
    0,
  );
  const questions = [{ name: "host.test", type: "A" }] as const;
  assertEquals(lifetime({ questions, answers: [{ ...A, name: "HOST.test" }] }), 60);
});

Deno.test("DnsCache checks every option", async () => {
  await checkEveryOption<DnsCacheOptions>("DnsCache", {
    maxEntries: "count",
    maxSize: "count",
    maxTtl: "number",
    maxNegativeTtl: "number",
  }, (options) => new DnsCache(options));
  assertThrows(() => new DnsCache({ maxEntries: 0 }), RangeError, "maxEntries");
});
