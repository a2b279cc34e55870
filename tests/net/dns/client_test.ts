/** `net/dns/client.ts` against a server of the test, and dig against the same. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { queryDns } from "../../../net/dns/client.ts";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import type { DnsRecord } from "../../../net/dns/record.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { encodeFrame } from "../../../net/connection/frame_codec.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import { bindUdp } from "../../../net/udp/socket.ts";
import { serveDns } from "../../_support/dns.ts";
import { needs } from "../../_support/peers.ts";

const SERVER = "127.0.0.1";
const HOST: DnsRecord = { name: "host.test", ttl: 300, type: "A", address: "192.0.2.7" };

Deno.test("queryDns() gives the answer with its code, TTL, server and time", async () => {
  await using server = await serveDns(() => ({ answers: [HOST] }));
  const { port } = server;
  const answer = await queryDns("host.test", "A", { server: SERVER, port });
  assertEquals([answer.code, answer.answers, answer.transport], ["NOERROR", [HOST], "udp"]);
  assertEquals(answer.server, `127.0.0.1:${port}`);
  assert(answer.time >= 0);
});

Deno.test("queryDns() tells NXDOMAIN, SERVFAIL, REFUSED and no such records apart", async () => {
  let code = "NOERROR";
  await using server = await serveDns(() => ({ code }));
  for (code of ["NXDOMAIN", "SERVFAIL", "REFUSED", "NOERROR"]) {
    const answer = await queryDns("host.test", "MX", { server: SERVER, port: server.port });
    assertEquals([answer.code, answer.answers], [code, []]);
  }
});

Deno.test("queryDns() asks again over TCP when the answer does not fit", async () => {
  const answers = Array.from({ length: 1000 }, (_, i): DnsRecord => ({
    name: "host.test",
    ttl: i,
    type: "TXT",
    texts: ["x".repeat(40)],
  }));
  await using server = await serveDns((_, transport) =>
    transport === "udp" ? { truncated: true } : { answers }
  );
  const answer = await queryDns("host.test", "TXT", { server: SERVER, port: server.port });
  assertEquals([answer.transport, answer.answers.length], ["tcp", 1000]);
  assertEquals(server.asked, ["udp host.test TXT", "tcp host.test TXT"]);
});

Deno.test("queryDns() takes a truncated answer for one though it ends within a record", async () => {
  await using server = await serveDns(({ id, questions }, transport) => {
    if (transport === "tcp") return { answers: [HOST] };
    const whole = encodeDnsMessage({
      id,
      questions,
      response: true,
      truncated: true,
      answers: [HOST],
    });
    return whole.slice(0, -2);
  });
  const answer = await queryDns("host.test", "A", { server: SERVER, port: server.port });
  assertEquals([answer.transport, answer.answers], ["tcp", [HOST]]);
});

Deno.test("queryDns({ tcp }) does not use UDP at all", async () => {
  await using server = await serveDns(() => ({ answers: [HOST] }));
  const options = { server: SERVER, port: server.port, tcp: true };
  assertEquals((await queryDns("host.test", "A", options)).transport, "tcp");
  assertEquals(server.asked, ["tcp host.test A"]);
});

Deno.test("queryDns() over TCP does not wait for the end of a server that keeps the connection", async () => {
  using listener = Deno.listen({ hostname: SERVER, port: 0 });
  const serving = (async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(512);
    const { id, questions } = decodeDnsMessage(buffer.slice(2, (await conn.read(buffer))!));
    const answer = encodeDnsMessage({ id, questions, response: true, answers: [HOST] });
    await conn.write(encodeFrame(answer, { lengthBytes: 2 }));
    return conn;
  })();
  const options = { server: SERVER, port: listener.addr.port, tcp: true };
  const { time } = await queryDns("host.test", "A", options);
  (await serving).close();
  assert(time < 500, `it waited: ${time} ms`);
});

Deno.test("queryDns() asks without the extension a server that stumbles over it", async () => {
  await using server = await serveDns(({ extension }) =>
    extension === undefined ? { answers: [HOST] } : { code: "FORMERR" }
  );
  const answer = await queryDns("host.test", "A", { server: SERVER, port: server.port });
  assertEquals([answer.code, answer.answers], ["NOERROR", [HOST]]);
  assertEquals(server.asked.length, 2);
});

Deno.test("queryDns({ tls }) verifies the server, and hides the length of the question", async () => {
  const { cert, key, ca } = await developmentCertificate({ names: ["dns.test", "127.0.0.1"] });
  const sizes: number[] = [];
  await using server = await serveDns((question) => {
    sizes.push(encodeDnsMessage(question).length);
    return { answers: [HOST] };
  }, { cert, key, alpnProtocols: ["dot"] });
  const options = { server: SERVER, port: server.tlsPort };
  for (const tls of [{ caCerts: [ca] }, { caCerts: [ca], serverName: "dns.test" }]) {
    const answer = await queryDns("host.test", "A", { ...options, tls });
    assertEquals([answer.transport, answer.answers], ["tls", [HOST]]);
  }
  assertEquals([sizes, server.asked], [[128, 128], ["tls host.test A", "tls host.test A"]]);
  const rows = [[{}, "untrusted"], [{ caCerts: [ca], serverName: "other.test" }, "wrong-name"]];
  for (const [tls, reason] of rows as Array<[object, string]>) {
    const error = await assertRejects(
      () => queryDns("host.test", "A", { ...options, tls }),
      NetError,
    );
    assertEquals([error.kind, error.tls], ["tls", reason]);
  }
});

Deno.test("queryDns() sets the bits and the options of EDNS that the caller wants", async () => {
  const questions: DnsMessage[] = [];
  await using server = await serveDns((question) => {
    questions.push(question);
    return { answers: [HOST] };
  });
  const options = { server: SERVER, port: server.port };
  await queryDns("host.test", "A", options);
  await queryDns("host.test", "A", {
    ...options,
    recursion: false,
    dnssec: true,
    checkingDisabled: true,
    nsid: true,
    clientSubnet: "192.0.2.7/24",
  });
  const [usual, special] = questions;
  assertEquals([usual?.recursionDesired, usual?.authenticated, usual?.checkingDisabled], [
    true,
    true,
    false,
  ]);
  assertEquals(usual?.extension, { udpSize: 1232, dnssec: false });
  assertEquals([special?.recursionDesired, special?.checkingDisabled], [false, true]);
  assertEquals(special?.extension, {
    udpSize: 1232,
    dnssec: true,
    nsid: new Uint8Array(),
    clientSubnet: { address: "192.0.2.0", sourcePrefix: 24, scopePrefix: 0 },
  });
});

Deno.test("queryDns({ cookie }) ignores other cookies and repeats the one of the server", async () => {
  const client = new Uint8Array(8).fill(7);
  const cookie = { client, server: new Uint8Array(16).fill(9) };
  const extension = { udpSize: 1232, dnssec: false };
  await using server = await bindUdp();
  const serving = (async () => {
    const first = await server.receive();
    const { id, questions } = decodeDnsMessage(first.data);
    const common = { id, questions, response: true };
    const other = { client: new Uint8Array(8), server: new Uint8Array(8) };
    for (
      const message of [
        { ...common, answers: [HOST], extension: { ...extension, cookie: other } },
        { ...common, code: "BADCOOKIE", extension: { ...extension, cookie } },
      ]
    ) await server.send(encodeDnsMessage(message), first.from);
    const second = await server.receive();
    const message = { ...decodeDnsMessage(second.data), response: true, answers: [HOST] };
    await server.send(encodeDnsMessage(message), second.from);
  })();
  const options = { server: SERVER, port: server.addr.port, cookie: { client } };
  const answer = await queryDns("host.test", "A", options);
  assertEquals([answer.code, answer.extension?.cookie], ["NOERROR", cookie]);
  await serving;
});

Deno.test("queryDns() takes a server of the caller, and reduces the TTLs by the age of an answer", async () => {
  const ids: number[] = [];
  const server = {
    name: "https://dns.test/",
    transport: "https" as const,
    exchange(bytes: Uint8Array) {
      const question = decodeDnsMessage(bytes);
      ids.push(question.id);
      const message = encodeDnsMessage({ ...question, response: true, answers: [HOST] });
      return Promise.resolve({ message, age: 100 });
    },
  };
  const answer = await queryDns("host.test", "A", { server });
  assertEquals(answer.answers, [{ ...HOST, ttl: 200 }]);
  assertEquals([answer.server, answer.transport, ids], ["https://dns.test/", "https", [0]]);
  const error = await assertRejects(
    () =>
      queryDns("host.test", "A", {
        server: { ...server, exchange: (message) => Promise.resolve({ message }) },
      }),
    NetError,
  );
  assertEquals([error.kind, error.address], ["protocol", "https://dns.test/"]);
});

Deno.test("queryDns() is not taken in by forged answers: number, name, kind, rubbish", async () => {
  await using server = await bindUdp();
  const serving = (async () => {
    const { data, from } = await server.receive();
    const id = data[0]! << 8 | data[1]!;
    const questions = [{ name: "host.test", type: "A" as const }];
    const evil: DnsRecord = { ...HOST, type: "A", address: "203.0.113.6" };
    for (
      const forged of [
        { id: id ^ 1, questions, response: true, answers: [evil] },
        { id, questions: [{ name: "other.test", type: "A" as const }], response: true },
        { id, questions: [{ name: "host.test", type: "MX" as const }], response: true },
        { id, questions, response: false, answers: [evil] },
        { id, response: true, answers: [evil] },
      ]
    ) await server.send(encodeDnsMessage(forged), from);
    await server.send(Uint8Array.of(...data.subarray(0, 2), 0x80), from);
    // The case of the name is the server's business.
    const real = { id, questions: [{ name: "HOST.test", type: "A" as const }], response: true };
    await server.send(encodeDnsMessage({ ...real, answers: [HOST] }), from);
  })();
  const answer = await queryDns("host.test", "A", { server: SERVER, port: server.addr.port });
  assertEquals(answer.answers, [{ ...HOST, name: "HOST.test" }]);
  await serving;
});

Deno.test("queryDns() hears nobody but the server that was asked", async () => {
  await using server = await bindUdp();
  await using forger = await bindUdp();
  const serving = (async () => {
    const { data, from } = await server.receive();
    const { id, questions } = decodeDnsMessage(data);
    const evil: DnsRecord = { name: "host.test", ttl: 1, type: "A", address: "203.0.113.6" };
    await forger.send(encodeDnsMessage({ id, questions, response: true, answers: [evil] }), from);
    await delay(20);
    await server.send(encodeDnsMessage({ id, questions, response: true, answers: [HOST] }), from);
  })();
  const answer = await queryDns("host.test", "A", { server: SERVER, port: server.addr.port });
  assertEquals(answer.answers, [HOST]);
  await serving;
});

Deno.test("queryDns() says that an answer cannot be read, rather than that there is none", async () => {
  // The name of the question points at itself.
  await using server = await serveDns(({ id }) =>
    Uint8Array.of(id >> 8, id & 255, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1)
  );
  const options = { server: SERVER, port: server.port, timeout: 140 };
  const error = await assertRejects(() => queryDns("host.test", "A", options), NetError);
  assertEquals([error.kind, /points at itself/.test(error.message)], ["protocol", true]);
});

Deno.test("queryDns() refuses over TCP what UDP would have waited past", async () => {
  await using server = await serveDns(({ id }) =>
    encodeDnsMessage({ id, response: true, questions: [{ name: "other.test", type: "A" }] })
  );
  const options = { server: SERVER, port: server.port, tcp: true };
  const error = await assertRejects(() => queryDns("host.test", "A", options), NetError);
  assertEquals([error.kind, error.phase], ["protocol", "response"]);
});

Deno.test("queryDns() tells a server that ends without an answer, and one that is not there", async () => {
  let port: number;
  {
    await using server = await serveDns(() => undefined);
    port = server.port;
    const ended = await assertRejects(
      () => queryDns("host.test", "A", { server: SERVER, port, tcp: true }),
      NetError,
    );
    assertEquals(ended.kind, "truncated");
  }
  const refused = await assertRejects(
    () => queryDns("host.test", "A", { server: SERVER, port, tcp: true }),
    NetError,
  );
  assertEquals(refused.kind, "refused");
});

Deno.test("queryDns() asks silence three times, and stops at once when it is aborted", async () => {
  await using server = await serveDns(() => undefined);
  const silent = { server: SERVER, port: server.port, timeout: 1400 };
  const error = await assertRejects(() => queryDns("host.test", "A", silent), NetError);
  assertEquals([error.kind, server.asked.length], ["timeout", 3]);
  const controller = new AbortController();
  const asking = queryDns("host.test", "A", { ...silent, timeout: 0, signal: controller.signal });
  controller.abort("enough");
  assertEquals(await asking.catch((reason) => reason), "enough");
});

Deno.test("queryDns() translates names of other scripts and refuses what is none", async () => {
  await using server = await serveDns(() => ({ code: "NXDOMAIN" }));
  const options = { server: SERVER, port: server.port };
  await queryDns("_sip.Bücher.例え。test", "SRV", options);
  assertEquals(server.asked, ["udp _sip.xn--bcher-kva.xn--r8jz45g.test SRV"]);
  for (const name of ["a..b", "é/b.test", "a b", `${"a".repeat(64)}.test`]) {
    await assertRejects(() => queryDns(name, "A", options), TypeError);
  }
  await assertRejects(() => queryDns("a", "TYPE70000", options), TypeError);
  await assertRejects(() => queryDns("a", "A", { ...options, timeout: -1 }), RangeError);
  await assertRejects(() => queryDns("a", "A", { server: "ns.test" }), TypeError, "IP address");
  assertEquals(server.asked.length, 1);
});

const dig = needs("dig");
Deno.test({
  name: `dig reads what the codec writes, over UDP and TCP${dig.suffix}`,
  ignore: dig.ignore,
  async fn() {
    const answers: DnsRecord[] = [
      { name: "host.test", ttl: 60, type: "CNAME", target: "other.host.test" },
      { name: "other.host.test", ttl: 60, type: "MX", preference: 5, exchange: "mail.host.test" },
      { name: "other.host.test", ttl: 60, type: "AAAA", address: "2001:db8::7" },
      { name: "other.host.test", ttl: 60, type: "TXT", texts: ["a b", "c"] },
      {
        name: "other.host.test",
        ttl: 60,
        type: "HTTPS",
        priority: 1,
        target: ".",
        parameters: { alpn: ["h2"], port: 8443 },
      },
      { name: "other.host.test", ttl: 60, type: "CAA", flags: 0, tag: "issue", value: "ca.test" },
    ];
    await using server = await serveDns(() => ({ answers }));
    for (const more of [[], ["+tcp"]]) {
      const { stdout } = await new Deno.Command("dig", {
        args: [
          `@${SERVER}`,
          "-p",
          String(server.port),
          "+noall",
          "+answer",
          ...more,
          "host.test",
          "ANY",
        ],
      }).output();
      const text = new TextDecoder().decode(stdout).replace(/[\t ]+/g, " ");
      for (
        const line of [
          "host.test. 60 IN CNAME other.host.test.",
          "other.host.test. 60 IN MX 5 mail.host.test.",
          "other.host.test. 60 IN AAAA 2001:db8::7",
          'other.host.test. 60 IN TXT "a b" "c"',
          'other.host.test. 60 IN HTTPS 1 . alpn="h2" port=8443',
          'other.host.test. 60 IN CAA 0 issue "ca.test"',
        ]
      ) assertStringIncludes(text, line);
    }
  },
});
