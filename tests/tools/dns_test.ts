/** `tools/dns.ts` against servers of the test. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { serveHttp } from "../../http/server/server.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../net/dns/codec.ts";
import type { DnsRecord } from "../../net/dns/record.ts";
import { developmentCertificate } from "../../net/tls/certificate.ts";
import { recordingIo } from "../../tools/cli.ts";
import { main } from "../../tools/dns.ts";
import { serveDns, SOA } from "../_support/dns.ts";
import { runRunnable } from "../_support/runnable.ts";

const HOST: DnsRecord = { name: "host.test", ttl: 300, type: "A", address: "192.0.2.7" };

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out.replace(/(?<= in )[\d.]+ m?s/g, "N ms"), err: io.err };
}

Deno.test("dns shows the records, and what else the answer says", async () => {
  await using server = await serveDns(({ questions: [question] }) => ({
    authenticated: true,
    checkingDisabled: true,
    answers: question?.type === "A" ? [HOST] : [],
    authorities: question?.type === "A" ? [] : [SOA],
    extension: {
      udpSize: 1232,
      dnssec: true,
      errors: [{ code: 3, text: "old" }],
      nsid: new TextEncoder().encode("ns1"),
    },
  }));
  const at = `127.0.0.1:${server.port}`;
  const status =
    `NOERROR, validated (AD), not checked (CD), with signatures (DO), server "ns1" by ${at} ` +
    "over udp in N ms";
  const { code, out, err } = await run("host.test", "--server", at);
  assertEquals([code, err], [0, ""]);
  assertEquals(out.split("\n"), [
    "host.test A: 1 record",
    "  host.test    300 s  A      192.0.2.7",
    "  ! stale answer (EDE 3): old",
    `  ${status}`,
    "host.test AAAA: none",
    "  no AAAA record; kept for 30 s",
    "  ! stale answer (EDE 3): old",
    `  ${status}`,
    "",
  ]);
  const json = await run("host.test", "a", "--server", at, "--json");
  const { answers, authenticated, extension, transport } = JSON.parse(json.out);
  assertEquals(answers, [HOST]);
  assertEquals([authenticated, extension.nsid, transport], [true, "6e7331", "udp"]);
});

Deno.test("dns ends with 1 if there is no such name, and if the server fails", async () => {
  let code = "NXDOMAIN";
  await using server = await serveDns(() => ({ code, authorities: [SOA] }));
  const at = `127.0.0.1:${server.port}`;
  const missing = await run("no.test", "MX", "--server", at);
  assertEquals(missing.code, 1);
  assertStringIncludes(
    missing.out,
    "no.test MX: none\n  no such name; kept for 30 s\n  NXDOMAIN by",
  );
  code = "SERVFAIL";
  const failed = await run("no.test", "MX", "--server", at);
  assertEquals(failed.code, 1);
  assertStringIncludes(failed.out, "no.test MX: none\n  SERVFAIL by");
  // The next server is queried if the first one does not answer at all.
  const next = await run("no.test", "MX", "--server", "127.0.0.1:1", "--server", at);
  assertStringIncludes(next.out, `SERVFAIL by ${at}`);
});

Deno.test("dns shortens a long list of addresses, and asks for the name of an address", async () => {
  await using server = await serveDns(({ questions: [question] }) => ({
    answers: question?.type === "PTR"
      ? [{ name: question.name, ttl: 5, type: "PTR", target: "host.test" }]
      : Array.from({ length: 40 }, (_, i) => ({ ...HOST, address: `192.0.2.${i}` }) as DnsRecord),
  }));
  const at = ["--server", `127.0.0.1:${server.port}`];
  const short = await run("host.test", "A", ...at);
  assertStringIncludes(short.out, "host.test A: 40 records\n");
  assertStringIncludes(short.out, "192.0.2.7\n  … and 32 more (--all shows them)\n  NOERROR");
  const all = await run("host.test", "A", "--all", ...at);
  assertStringIncludes(all.out, "192.0.2.39\n");
  const name = await run("192.0.2.7", ...at);
  assertStringIncludes(name.out, "7.2.0.192.in-addr.arpa PTR: 1 record\n");
});

Deno.test("dns asks over TCP, TLS and HTTPS, and verifies the server", async () => {
  const { cert, key, ca } = await developmentCertificate({ names: ["dns.test", "127.0.0.1"] });
  await using server = await serveDns(() => ({ answers: [HOST] }), { cert, key });
  await using web = serveHttp({ cert, key }, async (request) => {
    const { id, questions } = decodeDnsMessage(await request.bytes());
    const answer = encodeDnsMessage({ id, questions, response: true, answers: [HOST] });
    return new Response(answer, { headers: { "content-type": "application/dns-message" } });
  });
  const file = await Deno.makeTempFile({ suffix: ".pem" });
  try {
    await Deno.writeTextFile(file, ca);
    for (
      const [target, transport] of [
        [`tcp://127.0.0.1:${server.port}`, "tcp"],
        [`tls://127.0.0.1:${server.tlsPort}`, "tls"],
        [`tls://127.0.0.1:${server.tlsPort}#dns.test`, "tls"],
        [`${web.url}/dns-query`, "https"],
      ] as const
    ) {
      const found = await run("host.test", "A", "--server", target, "--ca", file);
      assertEquals([found.code, found.err], [0, ""], target);
      assertStringIncludes(found.out, `over ${transport} in`);
    }
    const other = `tls://127.0.0.1:${server.tlsPort}#other.test`;
    const wrong = await run("host.test", "A", "--server", other, "--ca", file);
    assertEquals(wrong.code, 1);
    assertMatch(wrong.err, /^dns: TLS handshake failed with 127.0.0.1:\d+: .*\n$/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("dns --compare ignores order and TTL, and shows what only one server has", async () => {
  const more: DnsRecord = { ...HOST, type: "A", address: "192.0.2.8" };
  await using one = await serveDns(() => ({ answers: [HOST, more] }));
  let answers: DnsRecord[] = [{ ...more, ttl: 5 }, { ...HOST, name: "HOST.test" }];
  await using two = await serveDns(() => ({ answers }));
  const [first, second] = [`127.0.0.1:${one.port}`, `127.0.0.1:${two.port}`];
  const args = ["host.test", "A", "--server", first, "--compare", second];
  const equal = await run(...args);
  assertEquals(equal.code, 0, equal.out);
  assertStringIncludes(equal.out, "host.test A: the answers are equal\n");
  answers = [HOST, { ...HOST, type: "A", address: "192.0.2.9" }];
  const differ = await run(...args);
  assertEquals(differ.code, 1);
  assertEquals(differ.out.split("\n"), [
    "host.test A: the answers differ",
    "  both  host.test A 192.0.2.7",
    `  only ${first}  host.test A 192.0.2.8`,
    `  only ${second}  host.test A 192.0.2.9`,
    `  NOERROR by ${first} and ${second}`,
    "",
  ]);
  const json = JSON.parse((await run(...args, "--json")).out);
  assertEquals([json.equal, json.only], [false, [["host.test A 192.0.2.8"], [
    "host.test A 192.0.2.9",
  ]]]);
});

Deno.test("dns --trace shows the way from the root, and where it ends", async () => {
  await using root = await serveDns(({ questions: [question] }) =>
    question?.name === "no.test" ? { code: "REFUSED" } : { authoritative: true, answers: [HOST] }
  );
  const flags = ["--trace", "--root", "127.0.0.1", "--root-port", String(root.port)];
  const found = await run("host.test", "A", ...flags);
  assertEquals(found.code, 0);
  assertMatch(
    found.out,
    /^host\.test A, from the root:\n✓ \. +127\.0\.0\.1 \(127\.0\.0\.1:\d+\) in N ms: NOERROR\n {2}host\.test/,
  );
  const lost = await run("no.test", "A", ...flags);
  assertEquals(lost.code, 1);
  assertStringIncludes(lost.out, "REFUSED\n✗ no server of . gives an answer\n");
  const steps = (await run("host.test", "A", ...flags, "--json")).out.trim().split("\n");
  assertEquals(steps.map((step) => JSON.parse(step).result), ["answer"]);
});

Deno.test("dns names the flag or the argument that is wrong: 2", async () => {
  const rows: Array<[string[], RegExp]> = [
    [[], /^dns: Missing argument: NAME/],
    [["a.test", "MAIL"], /^dns: Bad value for the type: "MAIL" \(expected one of A, /],
    [
      ["a.test", "--server", "ns.test"],
      /^dns: Bad value for --server: "ns\.test" \(expected ADDRESS/,
    ],
    [["a.test", "--server", "127.0.0.1:0"], /Bad value for --server/],
    [["a.test", "--server", "127.0.0.1#a.test"], /Bad value for --server/],
    [["a.test", "--compare", "tls://"], /Bad value for --(compare|server)/],
    [["a.test", "--trace", "--root", "b.test"], /Bad value for --root: "b\.test"/],
    [
      ["a..test", "--server", "127.0.0.1"],
      /^dns: Cannot encode the name "a\.\.test": it has an empty/,
    ],
    [
      ["a.test", "--server", "127.0.0.1", "--subnet", "x"],
      /^dns: Bad value for --subnet: "x" \(expected a block of addr/,
    ],
  ];
  for (const [args, message] of rows) {
    const { code, err } = await run(...args);
    assertMatch(err, message);
    assertEquals(code, 2, args.join(" "));
  }
});

Deno.test("dns runs with exactly its permissions", async () => {
  await using server = await serveDns(() => ({ answers: [HOST] }));
  const { code, stdout, stderr } = await runRunnable("dns", [
    "host.test",
    "A",
    "--server",
    `127.0.0.1:${server.port}`,
  ]);
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.includes("192.0.2.7"));
  // It looks for the servers of this machine, and rejects the name before it asks them.
  const unasked = await runRunnable("dns", ["a..test"], { permissions: ["--deny-net"] });
  assertEquals(unasked.code, 3);
  assertMatch(unasked.stderr, /--allow-read=\/etc\/resolv\.conf/);
  const wrong = await runRunnable("dns", ["a..test"]);
  assertMatch(wrong.stderr, /it has an empty label|Cannot find the name servers/);
});

Deno.test("dns finds nothing if there are only aliases, other types or other names", async () => {
  const alias: DnsRecord = { name: "host.test", ttl: 1, type: "CNAME", target: "away.test" };
  const text: DnsRecord = { name: "host.test", ttl: 1, type: "TXT", texts: ["a"] };
  await using server = await serveDns(() => ({
    answers: [alias, text, { ...HOST, name: "bank.test" }],
    authorities: [SOA],
  }));
  const { code, out } = await run("host.test", "A", "--server", `127.0.0.1:${server.port}`);
  assertEquals(code, 1);
  assertStringIncludes(out, "\n  no A record; kept for 30 s\n");
});
