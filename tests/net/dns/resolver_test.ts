/** `net/dns/resolver.ts` against servers of the test. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createDnsResolver, type DnsResolverOptions } from "../../../net/dns/resolver.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { type DnsHandler, serveDns, SOA } from "../../_support/dns.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { freePorts } from "../../_support/ports.ts";

/** A server that knows one address. */
function knows(...names: string[]): DnsHandler {
  return ({ questions: [question] }) =>
    question !== undefined && question.type === "A" && names.includes(question.name)
      ? { answers: [{ name: question.name, ttl: 60, type: "A", address: "192.0.2.7" }] }
      : { code: "NXDOMAIN", authorities: [SOA] };
}

Deno.test("a resolver answers from its cache, also that a name does not exist", async () => {
  await using server = await serveDns(knows("host.test"));
  const resolver = createDnsResolver({ servers: [`127.0.0.1:${server.port}`] });
  for (const cached of [false, true]) {
    const found = await resolver.query("host.test", "A");
    const missing = await resolver.query("no.test", "A");
    assertEquals([found.cached, missing.cached], [cached, cached]);
    assertEquals([found.answers.length, missing.code], [1, "NXDOMAIN"]);
  }
  assertEquals(server.asked, ["udp host.test A", "udp no.test A"]);
  assertEquals(resolver.stats(), { hits: 2, queries: 2, entries: 2 });
  resolver.clear();
  assertEquals((await resolver.query("host.test", "A")).cached, false);
});

Deno.test("a resolver without a cache asks each time", async () => {
  await using server = await serveDns(knows("host.test"));
  const servers = [`127.0.0.1:${server.port}`];
  const resolver = createDnsResolver({ servers, cache: false, search: ["test"] });
  await resolver.query("host", "A");
  await resolver.query("host", "A");
  assertEquals(server.asked, Array(2).fill("udp host.test A"));
});

Deno.test("a resolver completes short names, and takes a name with a dot as it is", async () => {
  await using server = await serveDns(knows("a.x.test", "b.c"));
  const resolver = createDnsResolver({
    servers: [`127.0.0.1:${server.port}`],
    search: ["y.test", "x.test"],
    cache: false,
  });
  const ask = async (name: string) => {
    server.asked.length = 0;
    const answer = await resolver.query(name, "A");
    const asked = server.asked.map((line) => line.split(" ")[1]);
    return [answer.code, answer.name, ...asked];
  };
  assertEquals(await ask("a"), ["NOERROR", "a.x.test", "a.y.test", "a.x.test"]);
  assertEquals(await ask("b.c"), ["NOERROR", "b.c", "b.c"]);
  assertEquals(await ask("b.d"), ["NXDOMAIN", "b.d", "b.d", "b.d.y.test", "b.d.x.test"]);
  assertEquals(await ask("d"), ["NXDOMAIN", "d", "d.y.test", "d.x.test", "d"]);
  assertEquals(await ask("d."), ["NXDOMAIN", "d.", "d"]);
});

Deno.test("a resolver asks the next server when one fails, and reports the first failure", async () => {
  await using broken = await serveDns(() => ({ code: "SERVFAIL" }));
  await using server = await serveDns(knows("host.test"));
  const [gone] = freePorts(1);
  const servers = [`127.0.0.1:${gone}`, `127.0.0.1:${broken.port}`, `127.0.0.1:${server.port}`];
  const resolver = createDnsResolver({ servers });
  assertEquals((await resolver.query("host.test", "A")).server, `127.0.0.1:${server.port}`);
  const failing = createDnsResolver({ servers: servers.slice(0, 2) });
  const answer = await failing.query("host.test", "A");
  assertEquals([answer.code, failing.stats().entries], ["SERVFAIL", 0]);
  const alone = createDnsResolver({ servers: servers.slice(0, 1), timeout: 700 });
  const error = await assertRejects(() => alone.query("host.test", "A"), NetError);
  assertEquals(error.kind, "refused");
});

Deno.test("callers with the same question share one query, and can leave it", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  await using silent = await serveDns(() => {
    resolve();
    return undefined;
  });
  const resolver = createDnsResolver({ servers: [`127.0.0.1:${silent.port}`], timeout: 0 });
  const [one, two] = [new AbortController(), new AbortController()];
  const first = resolver.query("host.test", "A", { signal: one.signal });
  const second = resolver.query("HOST.test", "A", { signal: two.signal });
  await asked;
  one.abort("left");
  assertEquals(await first.catch((reason) => reason), "left");
  assertEquals(silent.asked.length, 1);
  two.abort("left, too");
  assertEquals(await second.catch((reason) => reason), "left, too");
});

Deno.test("a caller that comes when the last one leaves has a query of its own", async () => {
  let silent = true;
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  await using server = await serveDns((question) => {
    resolve();
    return silent ? undefined : knows("host.test")(question, "udp");
  });
  const resolver = createDnsResolver({ servers: [`127.0.0.1:${server.port}`] });
  const leaving = new AbortController();
  const first = resolver.query("host.test", "A", { signal: leaving.signal });
  await asked;
  silent = false;
  leaving.abort("left");
  assertEquals(await first.catch((reason) => reason), "left");
  assertEquals((await resolver.query("host.test", "A")).answers.length, 1);
});

Deno.test("createDnsResolver() checks every option", async () => {
  const servers = ["127.0.0.1"];
  await checkEveryOption<DnsResolverOptions>("createDnsResolver", {
    servers: "none",
    search: "none",
    ndots: "none",
    cache: "none",
    timeout: "time",
    tcp: "none",
    tls: "none",
    recursion: "none",
    dnssec: "none",
    checkingDisabled: "none",
    nsid: "none",
    clientSubnet: "none",
  }, (options) => createDnsResolver({ servers, ...options }));
  for (const wrong of [[], ["ns.test"], ["127.0.0.1:0"], ["127.0.0.1", "1.2.3"]]) {
    assertThrows(() => createDnsResolver({ servers: wrong }), TypeError, "servers");
  }
});
