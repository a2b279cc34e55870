/** `tools/diagnose.ts` against working and faulty servers on this machine. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import "reflect-metadata";
import {
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { developmentAuthority } from "../../net/tls/certificate.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { serveTls } from "../../net/tls/server.ts";
import { NetError, type TlsFailure } from "../../net/errors/errors.ts";
import { recordingIo } from "../../tools/cli.ts";
import {
  diagnose,
  type DiagnoseOptions,
  type DiagnoseStepName,
  main,
} from "../../tools/diagnose.ts";
import { testCertificates } from "../_support/certificates.ts";
import { serveDns } from "../_support/dns.ts";
import { isolated, needs, needsNamespace } from "../_support/peers.ts";
import { freePorts } from "../_support/ports.ts";
import { ROOT, Runnable, runPeer, runRunnable } from "../_support/runnable.ts";
import { LOCK } from "../_support/flags.ts";
import { writeCertificate } from "../_support/x509_writer.ts";

const WAY: readonly DiagnoseStepName[] = ["dns", "tcp", "tls", "http"];
const way = (url: string, options: DiagnoseOptions = {}) =>
  diagnose(url, { steps: WAY, timeout: 30_000, ...options });

/** Answers each request with the same bytes, over TCP or TLS. */
function answering(answer: string, tls?: { cert: string; key: string }) {
  const handler = async (
    conn: { readLine(): Promise<string | null>; write(text: string): unknown },
  ) => {
    while (await conn.readLine());
    await conn.write(answer);
  };
  return tls === undefined ? serveTcp({}, handler) : serveTls(tls, handler);
}

const ok = (body = "hi", more = "") =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

Deno.test("diagnose() reports success, and the time of each phase", async () => {
  await using server = answering(ok("hello", "Server: test/1\r\n"));
  const url = `http://127.0.0.1:${server.addr.port}/a?b`;
  const found = await way(url);
  assert(found.ok);
  assertMatch(found.verdict, new RegExp(`^${RegExp.escape(url)} answers 200 OK in [\\d.]+ m?s$`));
  assertEquals(found.steps.map(({ step, status }) => [step, status]), [
    ["dns", "ok"],
    ["tcp", "ok"],
    ["http", "ok"],
  ]);
  const [exchange] = found.steps.flatMap((step) => step.step === "http" ? step.exchanges : []);
  assertEquals([exchange?.status, exchange?.bytes, exchange?.server], [200, 5, "test/1"]);
  const { total, ...phases } = exchange!.phases;
  const sum = Object.values(phases).reduce((a, b) => a + b, 0);
  assert(Math.abs(sum - total) < 1, `${sum} is not ${total}`);
  assertEquals(phases.tls, 0);
});

Deno.test("diagnose() reports a closed port, and a remedy", async () => {
  const [port] = freePorts(1);
  const found = await way(`127.0.0.1:${port}`);
  assertEquals(found.ok, false);
  assertEquals(found.verdict, `127.0.0.1:${port} refuses connections: nothing listens there`);
  assertStringIncludes(found.advice!, "Start the service");
});

Deno.test("diagnose() reports a filtered port, here a full backlog", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const held = await Promise.all([1, 2].map(() => Deno.connect({ hostname: "127.0.0.1", port })));
  try {
    const found = await way(`tcp://127.0.0.1:${port}`, { timeout: 150 });
    assertEquals(found.ok, false);
    assertMatch(found.verdict, /does not answer in 150 ms$/);
    assertStringIncludes(found.advice!, "firewall");
  } finally {
    for (const conn of held) conn.close();
  }
});

Deno.test("diagnose() names the defects of a certificate", async () => {
  const { ca, good, expired, wrongName, untrusted, notYetValid } = await testCertificates();
  const cases: [{ cert: string; key: string }, RegExp, TlsFailure][] = [
    [expired, /answers, but its certificate expired [67] days ago$/, "expired"],
    [
      notYetValid,
      /its certificate is not valid for another \d+ days? \(until .* UTC\)$/,
      "not-yet-valid",
    ],
    [
      wrongName,
      /its certificate is for wrong\.test, not for 127\.0\.0\.1 \(it contains no addresses\)$/,
      "wrong-name",
    ],
    [
      untrusted,
      /its certificate is signed by .*, which is not trusted, and which .* not send$/,
      "untrusted",
    ],
  ];
  for (const [{ cert, key }, verdict, failure] of cases) {
    await using server = answering(ok(), { cert, key });
    const found = await way(`https://127.0.0.1:${server.addr.port}/`, { caCerts: [ca] });
    assertEquals(found.ok, false);
    assertMatch(found.verdict, verdict);
    const tls = found.steps.find((step) => step.step === "tls");
    assertEquals(tls?.step === "tls" && tls.failures, [failure]);
  }
  await using server = answering(ok(), good);
  const found = await way(`https://127.0.0.1:${server.addr.port}/`, { caCerts: [ca] });
  const tls = found.steps.find((step) => step.step === "tls");
  assert(tls?.step === "tls" && tls.version === "TLSv1.3" && tls.chain[0]!.daysLeft >= 0);
});

Deno.test("diagnose() trusts no forged authority, and survives a malformed one", async () => {
  const root = await writeCertificate({ cn: "Root", ca: true });
  const forged = { cn: "Sub", by: root, ca: true, forged: true };
  for (const spec of [forged, { ...forged, version: 1 as const }, { ...forged, badDer: true }]) {
    const sub = await writeCertificate(spec);
    const own = await writeCertificate({ by: sub, names: [{ ip: "127.0.0.1" }] });
    await using server = answering(ok(), { cert: own.pem + sub.pem, key: own.key });
    const found = await way(`https://127.0.0.1:${server.addr.port}/`, { caCerts: [root.pem] });
    const tls = found.steps.find((step) => step.step === "tls");
    assertEquals(tls?.step === "tls" && tls.failures, ["bad-certificate"]);
  }
});

Deno.test("diagnose() checks a certificate against the given address", async () => {
  const authority = await developmentAuthority();
  await using server = answering(ok(), await authority.issue({ names: ["127.0.0.1"] }));
  const found = await way(`https://127.0.0.1:${server.addr.port}/`, { caCerts: [authority.cert] });
  assertEquals([found.ok, /200 OK/.test(found.verdict)], [true, true], found.verdict);
});

/** Makes a self-signed certificate with these names, unchanged. */
async function selfSigned(...names: JsonGeneralName[]): Promise<{ cert: string; key: string }> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=a",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [new SubjectAlternativeNameExtension(names)],
  });
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toBase64()}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString("pem"), key };
}

Deno.test("diagnose() reads a name that contains other names as one name", async () => {
  const rows: [JsonGeneralName[], string[], TlsFailure[]][] = [
    [
      [{ type: "dns", value: "a.test, IP Address:127.0.0.1" }],
      ["a.test, IP Address:127.0.0.1"],
      ["untrusted", "wrong-name"],
    ],
    [[{ type: "url", value: "http://a/, IP Address:127.0.0.1" }], [], ["untrusted", "wrong-name"]],
    [
      [{ type: "dns", value: "b.test" }, { type: "ip", value: "127.0.0.1" }, {
        type: "ip",
        value: "2001:db8::1",
      }],
      ["b.test", "127.0.0.1", "2001:db8::1"],
      ["untrusted"],
    ],
  ];
  for (const [names, told, failures] of rows) {
    await using server = answering(ok(), await selfSigned(...names));
    const { steps } = await way(`tls://127.0.0.1:${server.addr.port}`);
    const tls = steps.find((step) => step.step === "tls");
    assert(tls?.step === "tls");
    assertEquals([tls.chain[0]?.names, tls.failures], [told, failures]);
  }
});

Deno.test("diagnose() reports a bad certificate of a redirect target", async () => {
  const { ca, good, expired } = await testCertificates();
  const redirected = async (certificate: { cert: string; key: string }) => {
    await using last = answering(ok(), certificate);
    const to = `https://127.0.0.1:${last.addr.port}/end`;
    await using first = answering(
      `HTTP/1.1 301 Moved\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`,
    );
    return await way(`http://127.0.0.1:${first.addr.port}/`, { caCerts: [ca] });
  };
  const bad = await redirected(expired);
  assertEquals(bad.ok, false);
  assertMatch(
    bad.verdict,
    /answers, but redirects to https:.*\/end, whose certificate expired \d days ago$/,
  );
  assertStringIncludes(bad.advice!, "Renew");
  assertEquals((await redirected(good)).ok, true);
});

const openssl = needs("openssl");
Deno.test({
  name: `diagnose() reports that openssl requires a client certificate${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const { ca, good } = await testCertificates();
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/cert`, good.cert);
    await Deno.writeTextFile(`${folder}/key`, good.key);
    try {
      for (const version of ["-tls1_3", "-tls1_2"]) {
        const child = new Deno.Command("openssl", {
          args: [
            ...["s_server", "-www", "-accept", "127.0.0.1:0", version, "-Verify", "1"],
            ...["-verify_return_error", "-cert", `${folder}/cert`, "-key", `${folder}/key`],
          ],
          ...{ stdin: "null", stdout: "piped", stderr: "piped" } as const,
        }).spawn();
        await using server = new Runnable(child);
        await server.until(({ stdout }) => /^ACCEPT \S+:\d+$/m.test(stdout), "that it listens");
        const where = /^ACCEPT (\S+)$/m.exec(server.stdout)![1]!;
        const text = "answers, but requires a client certificate";
        let found = await way(where, { caCerts: [ca] });
        // With TLS 1.3 the alert comes after the handshake. If a request is under way, openssl resets
        // the connection, and the reset may overtake the alert.
        for (let i = 0; i < 9 && found.verdict.endsWith("without an answer"); i++) {
          found = await way(where, { caCerts: [ca] });
        }
        assertEquals(found.ok, false);
        assertEquals(found.verdict, `${where} ${text}`);
        assertMatch(found.advice!, /certificate/);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `diagnose() reports a certificate that is too weak${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const [cert, key] = [`${folder}/cert`, `${folder}/key`];
    try {
      const make = ["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=a"];
      await runPeer("openssl", [...make, "-out", cert, "-keyout", key]);
      const child = new Deno.Command("openssl", {
        args: [
          ...["s_server", "-www", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key],
          ...["-cipher", "DEFAULT@SECLEVEL=0"],
        ],
        ...{ stdin: "null", stdout: "piped", stderr: "piped" } as const,
      }).spawn();
      await using server = new Runnable(child);
      await server.until(({ stdout }) => /^ACCEPT \S+:\d+$/m.test(stdout), "that it listens");
      const where = /^ACCEPT (\S+)$/m.exec(server.stdout)![1]!;
      for (const url of [`https://${where}/`, where]) {
        const found = await way(url);
        assertEquals(found.ok, false);
        assertMatch(found.verdict, /has a key of RSA 1024 bits, which is too short/);
        assertMatch(found.advice!, /RSA of 2048 bits/);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("diagnose() distinguishes an old or strict TLS server from a server without TLS", async () => {
  // An alert of TLS: protocol_version (70), handshake_failure (40).
  for (const [number, verdict] of [[70, /does not support TLS 1\.2/], [40, /refuses the TLS/]]) {
    await using server = serveTcp({}, async (conn) => {
      await conn.readExact(5);
      await conn.write(Uint8Array.of(21, 3, 3, 0, 2, 2, number as number));
    });
    const found = await way(`127.0.0.1:${server.addr.port}`);
    assertEquals(found.ok, false);
    assertMatch(found.verdict, verdict as RegExp);
  }
});

Deno.test("a step that the user asks for must succeed", async () => {
  await using ssh = serveTcp({}, async (conn) => void await conn.write("SSH-2.0-x\r\n"));
  const where = `127.0.0.1:${ssh.addr.port}`;
  const tls = await runAs(["tls", where]);
  assertMatch(tls.stdout, /does not speak TLS on this port/);
  const http = await runAs(["http", where]);
  assertMatch(http.stdout, /does not speak HTTP/);
  assertEquals([tls.code, http.code], [1, 1]);
});

Deno.test("diagnose() reports a server that accepts the request and sends no response", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = serveTcp({}, () => promise);
  const found = await way(`http://127.0.0.1:${server.addr.port}/`, { timeout: 200 });
  await using slow = serveTcp({}, async (conn) => {
    await conn.write("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nmore");
    await promise;
  });
  const cut = await way(`http://127.0.0.1:${slow.addr.port}/`, { timeout: 200 });
  resolve();
  assertMatch(cut.verdict, /^127\.0\.0\.1:\d+ starts a response but does not finish it$/);
  assertMatch(found.verdict, /^127\.0\.0\.1:\d+ accepts connections, but sends no answer$/);
  assertStringIncludes(found.advice!, "--timeout");
});

Deno.test("diagnose() detects the protocol of a port", async () => {
  const { ca, good } = await testCertificates();
  await using plain = answering(ok());
  assertMatch((await way(`127.0.0.1:${plain.addr.port}`)).verdict, /^http:.* answers 200 OK/);
  await using secure = answering(ok(), good);
  const found = await way(`127.0.0.1:${secure.addr.port}`, { caCerts: [ca] });
  assert(found.steps.some((step) => step.step === "tls" && step.version !== undefined));
  await using other = serveTcp({}, async (conn) => void await conn.write("SSH-2.0-x\r\n"));
  const ssh = await way(`127.0.0.1:${other.addr.port}`);
  assertMatch(ssh.verdict, /accepts connections .*does not speak HTTP/);
});

Deno.test("diagnose() reports a server without TLS, and an aborted handshake", async () => {
  await using plain = serveTcp({}, (conn) => conn.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const found = await way(`https://127.0.0.1:${plain.addr.port}/`);
  assertEquals(found.ok, false);
  assertMatch(found.verdict, /accepts connections, but does not speak TLS on this port$/);
  assertMatch(found.advice!, new RegExp(`Try http://127\\.0\\.0\\.1:${plain.addr.port}/`));
  await using mute = serveTcp({}, (conn) => conn.readLine().then(() => {}));
  const broken = await way(`https://127.0.0.1:${mute.addr.port}/`);
  assertMatch(broken.verdict, /but (resets|ends) the connection/);
});

Deno.test("diagnose() follows redirects and detects loops", async () => {
  await using last = answering(ok());
  const to = `http://127.0.0.1:${last.addr.port}/end`;
  await using first = answering(
    `HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`,
  );
  const found = await way(`http://127.0.0.1:${first.addr.port}/`);
  assertMatch(found.verdict, new RegExp(`^${to} answers 200 OK`));
  await using round = answering("HTTP/1.1 301 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
  const circle = await way(`http://127.0.0.1:${round.addr.port}/`);
  assertMatch(circle.verdict, /redirects in a loop/);
  await using bad = answering(
    "HTTP/1.1 301 x\r\nLocation: gopher://x\r\nContent-Length: 0\r\n\r\n",
  );
  assertMatch((await way(`http://127.0.0.1:${bad.addr.port}/`)).verdict, /not an HTTP URL/);
  for (const host of ["-oProxyCommand=x", "127.0.0.1:0"]) {
    await using evil = answering(
      `HTTP/1.1 302 x\r\nLocation: http://${host}/\x1b[2J\r\nContent-Length: 0\r\n\r\n`,
    );
    const found = await way(`http://127.0.0.1:${evil.addr.port}/`);
    assertMatch(found.verdict, /redirects to http:[^\p{Cc}]*, which is not an HTTP URL$/u);
  }
});

Deno.test("diagnose() distinguishes an error of the server from one of the request", async () => {
  await using broken = answering("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n");
  const found = await way(`http://127.0.0.1:${broken.addr.port}/`);
  assertEquals(found.ok, false);
  assertMatch(found.verdict, /answers 503 Down$/);
  await using missing = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  const open = await way(`http://127.0.0.1:${missing.addr.port}/`);
  assertEquals(open.ok, true);
  assertMatch(open.advice!, /no resource at this URL/);
});

Deno.test("diagnose() reports responses that are truncated, endless or missing", async () => {
  const cases: [string, RegExp][] = [
    ["", /without an answer/],
    ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", /ends within the body/],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", /ends within the body/],
    ["HTTP/1.1 200 OK\r\nX: y", /ends within the head/],
    ["220 mail.test ESMTP\r\n", /does not speak HTTP/],
    [`HTTP/1.1 200 OK\r\nX: ${"y".repeat(300_000)}`, /malformed response: the head has more than/],
  ];
  for (const [answer, verdict] of cases) {
    await using server = answering(answer);
    // So long it waits for the greeting of another protocol.
    const options = { timeout: 2000 };
    const found = await way(`http://127.0.0.1:${server.addr.port}/`, options);
    assertEquals(found.ok, false);
    assertMatch(found.verdict, verdict);
    // On a port of unknown protocol, a truncated response still counts as HTTP.
    if (!answer.startsWith("HTTP/1.")) continue;
    const guessed = await way(`127.0.0.1:${server.addr.port}`, options);
    assertEquals(guessed.ok, false);
    assertMatch(guessed.verdict, verdict);
    assertMatch(guessed.advice!, /log of the server/);
  }
});

Deno.test("diagnose() distinguishes NXDOMAIN, SERVFAIL, and a name without an address", async () => {
  let code = "NXDOMAIN";
  await using dns = await serveDns(() => ({ code }));
  const server = `127.0.0.1:${dns.port}`;
  const expected = {
    NXDOMAIN: /cannot be found: no such name \(.* says NXDOMAIN\)/,
    SERVFAIL: /the name servers fail \(.* says SERVFAIL\)/,
    REFUSED: /refuses to answer \(.* says REFUSED\)/,
    NOERROR: /the name exists, but has no address/,
  };
  for (const [next, verdict] of Object.entries(expected)) {
    code = next;
    const found = await diagnose("nothing.invalid", { steps: ["dns"], server });
    assertEquals(found.ok, false);
    assertMatch(found.verdict, verdict);
  }
});

Deno.test("diagnose() queries all record types from a name server", async () => {
  await using dns = await serveDns(({ questions: [question] }) => ({
    answers: question?.type === "MX"
      ? [{ name: "localhost", ttl: 60, type: "MX", preference: 10, exchange: "mail.test" }]
      : [],
  }));
  const io = recordingIo();
  const server = `127.0.0.1:${dns.port}`;
  assertEquals(await main(["dns", "localhost", "--server", server, "--type", "MX"], io), 0);
  assertStringIncludes(io.out, "mail.test");
  const all = recordingIo();
  assertEquals(await main(["dns", "localhost", "--server", server, "--json"], all), 0);
  const types = JSON.parse(all.out).steps[0].answers.map(({ type }: { type: string }) => type);
  for (const type of ["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "CAA", "SOA", "HTTPS"]) {
    assert(types.includes(type), `${type} is not among ${types}`);
  }
});

Deno.test("diagnose dns judges a query for TXT, SRV or MX by records of that type only", async () => {
  let texts = ["v=DMARC1; p=none"];
  let failing = false;
  await using dns = await serveDns(({ questions: [question] }) => ({
    answers: question?.type === "TXT" && !failing
      ? texts.map((text) => ({ name: question.name, ttl: 60, type: "TXT" as const, texts: [text] }))
      : [],
    authenticated: true,
    ...(failing && {
      code: "SERVFAIL",
      extension: { udpSize: 1232, dnssec: false, errors: [{ code: 7, text: "expired" }] },
    }),
  }));
  const ask = async (...types: string[]) => {
    const io = recordingIo();
    const server = `127.0.0.1:${dns.port}`;
    const flags = types.flatMap((type) => ["--type", type]);
    const code = await main(["dns", "_dmarc.host.invalid", "--server", server, ...flags], io);
    return { code, out: io.out.replace(/\s+/g, " ") };
  };
  const found = await ask("TXT", "MX");
  assertEquals(found.code, 0);
  assertMatch(found.out, /✓ _dmarc\.host\.invalid: 1 TXT record by 127\.0\.0\.1:\d+/);
  assertMatch(found.out, /"v=DMARC1; p=none" none: MX validated by the name server \(AD\)/);
  const none = await ask("SRV", "MX");
  assertEquals(none.code, 1);
  assertMatch(none.out, /cannot be found: the name exists, but has no SRV or MX record \(/);
  texts = Array.from({ length: 30 }, (_, i) => `text ${i}`);
  assertMatch((await ask("TXT")).out, /: 30 TXT records by .* "text 19" … and 10 more TXT/);
  failing = true;
  const failed = await ask("TXT");
  assertEquals(failed.code, 1);
  assertMatch(failed.out, /says SERVFAIL, signature expired \(EDE 7\): expired\)/);
});

Deno.test("diagnose dns finds a domain with records, but without an address", async () => {
  await using dns = await serveDns(({ questions: [question] }) => ({
    answers: question?.type === "MX"
      ? [{ name: question.name, ttl: 60, type: "MX", preference: 10, exchange: "mail.test" }]
      : [],
  }));
  const io = recordingIo();
  const server = `127.0.0.1:${dns.port}`;
  assertEquals(await main(["dns", "host.invalid", "--server", server], io), 0);
  assertStringIncludes(io.out, "host.invalid: no address, but 1 MX record by 127.0.0.1:");
});

Deno.test("aliases that lead in a circle are the verdict", async () => {
  const [name, other] = ["localhost", "b\\027[2J.test"];
  await using dns = await serveDns(() => ({
    answers: [
      { name, ttl: 60, type: "CNAME", target: other },
      { name: other, ttl: 60, type: "CNAME", target: "LOCALHOST" },
    ],
  }));
  const io = recordingIo();
  // The system is not asked for texts.
  const args = ["dns", name, "--server", `127.0.0.1:${dns.port}`, "--type", "TXT"];
  assertEquals(await main(args, io), 1);
  const said = io.out.replaceAll(/\s+/g, " ");
  assertStringIncludes(
    said,
    "its aliases lead in a circle: localhost → b\\027[2J.test → localhost",
  );
});

Deno.test("records are shown with type and TTL, and types without records are listed", async () => {
  const name = "localhost";
  await using dns = await serveDns(({ questions: [question] }) => {
    if (question?.type !== "A") return {};
    return {
      answers: [
        { name, ttl: 60, type: "CNAME", target: "a.test" },
        { name: "a.test", ttl: 5, type: "A", address: "192.0.2.7" },
      ],
    };
  });
  const server = `127.0.0.1:${dns.port}`;
  const types = ["--type", "a", "--type", "MX", "--type", "type99"];
  const { code, stdout } = await runAs(["dns", name, "--server", server, ...types]);
  assertEquals(code, 0);
  assertMatch(
    stdout,
    /\n {6}CNAME {5}60 s {2}a\.test\n {6}A {10}5 s {2}192\.0\.2\.7 \(a\.test\)\n/,
  );
  assertMatch(stdout, /\n {6}none: MX, TYPE99\n {6}127\.0\.0\.1:\d+ over udp in /);
  const wrong = await runAs(["dns", name, "--type", "MX", "--type", "NOSUCH"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /^diagnose: Bad value for --type: "NOSUCH" \(expected one of A, /);
  const named = await runAs(["dns", name, "--server", "ns.test"]);
  assertMatch(
    named.stderr,
    /^diagnose: Bad value for --server: "ns\.test" \(expected ADDRESS/,
  );
});

Deno.test("no line is wider than 80 columns, even with wide characters", async () => {
  const authority = await developmentAuthority({ commonName: "認証局".repeat(21) });
  const certificate = await authority.issue({
    names: ["127.0.0.1"],
    commonName: "漢字".repeat(30),
  });
  await using server = answering(ok("hi", `Server: ${"x".repeat(200)}\r\n`), certificate);
  const { stdout } = await runAs([
    "http",
    `https://127.0.0.1:${server.addr.port}/${"y".repeat(99)}`,
  ]);
  assertStringIncludes(stdout.replace(/\n */g, ""), "認証局".repeat(21));
  for (const line of stdout.split("\n")) {
    const width = [...line].reduce((sum, c) => sum + (/\p{Script=Han}/u.test(c) ? 2 : 1), 0);
    assert(width <= 80, line);
  }
});

Deno.test("an invalid host starts no step", async () => {
  const bad = [
    "-oProxyCommand=x",
    "a b",
    "a\nb",
    "a;b",
    "$(id)",
    "`id`",
    "http://a b/",
    "",
    "a|b",
    "http://-x/",
    "127.0.0.1:0",
    "127.0.0.1:99999",
    "gopher://127.0.0.1/",
  ];
  for (const host of bad) {
    await assertRejects(() => diagnose(host), Error, undefined, host);
    const { code, stdout, stderr } = await runAs(["ping", "--", host]);
    assertEquals([code, stdout], [2, ""], `${host}: ${stderr}`);
    assertMatch(stderr, /^diagnose: [^\n]+\n$/);
  }
});

async function runAs(args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, stdout: io.out, stderr: io.err };
}

Deno.test("text from a server is escaped on the terminal", async () => {
  await using server = answering(
    "HTTP/1.1 200 \x1b]0;owned\x07\r\nServer: \x1b[2J\r\nContent-Length: 0\r\n\r\n",
  );
  const { stdout } = await runAs(["http", `http://127.0.0.1:${server.addr.port}/`]);
  // deno-lint-ignore no-control-regex -- these must be gone
  assert(!/[\x00-\x09\x0b-\x1f]/.test(stdout), JSON.stringify(stdout));
});

Deno.test("--slo exits with 4 for a slow answer, --json prints the same as data", async () => {
  await using server = answering(ok());
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const quick = await runAs(["http", url, "--slo=1m"]);
  assertEquals(quick.code, 0);
  await using late = serveTcp({}, async (conn) => {
    while (await conn.readLine());
    await delay(60);
    await conn.write(ok());
  });
  const slow = await runAs(["http", `http://127.0.0.1:${late.addr.port}/`, "--slo=50ms"]);
  assertEquals(slow.code, 4);
  assertMatch(slow.stdout, /^✗ .* answers 200 OK in [\d.]+ m?s,\s+slower\s+than\s+50\.0 ms\n/);
  assertMatch(slow.stdout, /Most of it, [\d.]+ m?s, goes into waiting for the first byte/);
  const { code, stdout } = await runAs(["http", url, "--json"]);
  const found = JSON.parse(stdout);
  assertEquals([code, found.ok, found.target.port], [0, true, server.addr.port]);
  assertEquals(found.steps.map(({ step }: { step: string }) => step), ["dns", "tcp", "http"]);
});

Deno.test("an abort ends the diagnosis and all programs at once", async () => {
  const stop = new AbortController();
  await using server = serveTcp({}, (conn) => conn.readLine().then(() => {}));
  const walking = diagnose(`http://127.0.0.1:${server.addr.port}/`, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 100);
  await assertRejects(() => walking, Error, "enough");
  await assertRejects(() => diagnose("127.0.0.1", { signal: AbortSignal.abort() }), DOMException);
});

Deno.test("the help, wrong commands, and invalid options", async () => {
  assertEquals((await runAs([])).code, 2);
  assertEquals((await runAs(["tls"])).code, 2);
  assertEquals((await runAs(["tcp", "127.0.0.1", "more"])).code, 2);
  await assertRejects(() => diagnose("127.0.0.1", { timeout: 0 }), RangeError, "timeout");
  await assertRejects(
    () => diagnose("127.0.0.1", { server: "name" }),
    TypeError,
    "server must be ADDRESS",
  );
  await assertRejects(
    () => diagnose("127.0.0.1", { steps: ["lunch" as "dns"] }),
    TypeError,
    "lunch",
  );
});

Deno.test("without --allow-run steps are skipped, without --allow-net the diagnosis fails", async () => {
  await using server = answering(ok());
  const args = [`http://127.0.0.1:${server.addr.port}/`, "--json"];
  const some = await runRunnable("diagnose", args, { permissions: ["--allow-net"] });
  assertEquals(some.code, 0, some.stderr);
  const steps = JSON.parse(some.stdout).steps as Record<"step" | "status" | "advice", string>[];
  for (const step of steps.filter(({ step }) => ["interfaces", "ping", "trace"].includes(step))) {
    assertEquals(step.status, "skipped");
    assertMatch(step.advice, /--allow-run/);
  }
  const none = await runRunnable("diagnose", args, { permissions: [] });
  assertEquals(none.code, 3);
  assertMatch(none.stderr, /^diagnose: [^\n]*--allow-net[^\n]*\n$/);
});

Deno.test("missing programs are named with their package, and their steps are skipped", async () => {
  await using server = answering(ok());
  const env = { PATH: "/nonexistent" };
  const args = [`http://127.0.0.1:${server.addr.port}/`, "--json"];
  const all = await runRunnable("diagnose", args, { env });
  assertEquals(all.code, 0, all.stderr);
  const steps = JSON.parse(all.stdout).steps as Record<"step" | "status" | "advice", string>[];
  const skipped = steps.filter(({ status }) => status === "skipped");
  assertEquals(skipped.map(({ step }) => step), ["interfaces", "ping", "trace"]);
  for (const { advice } of skipped) assertMatch(advice, /^Install the package [\w-]+\.$/);
  const { code, stderr } = await runRunnable("diagnose", ["ping", "127.0.0.1"], { env });
  assertEquals(code, 3);
  assertEquals(stderr, "diagnose: Program is missing: ping (install the package iputils-ping)\n");
});

const namespace = needsNamespace();
Deno.test({
  name: `a network that drops packets, and a network without a route${namespace.suffix}`,
  ignore: namespace.ignore,
  async fn() {
    const program = new URL("tools/diagnose.ts", ROOT).pathname;
    const verdictOf = async (url: string) => {
      const args = ["run", "-q", LOCK, "-P=diagnose", program, "tcp", url, "-t", "300ms"];
      const { code, stdout } = await runPeer(...isolated(Deno.execPath(), ...args));
      assertEquals(code, 1);
      return stdout.split("\n\n")[0]!;
    };
    assertMatch(
      await verdictOf("tcp://198.18.7.7:80"),
      /7:80 does not answer in 300 ms\n.*firewall/,
    );
    assertMatch(await verdictOf("tcp://192.0.2.7:80"), /7:80 cannot be reached: no route leads/);
  },
});

Deno.test({
  name: `diagnose dns shows names that the system resolves without a network${namespace.suffix}`,
  ignore: namespace.ignore,
  async fn() {
    const program = new URL("tools/diagnose.ts", ROOT).pathname;
    for (const host of ["localhost", "127.0.0.1"]) {
      const args = ["run", "-q", LOCK, "-P=diagnose", program, "dns", host, "-t", "300ms"];
      const { code, stdout } = await runPeer(...isolated(Deno.execPath(), ...args));
      assertEquals(code, 0, stdout);
      assertMatch(stdout, /^. (localhost: (127\.0\.0\.1|::1)|127\.0\.0\.1: an address)/);
    }
  },
});

for (
  const [command, program] of [["ping", "ping"], ["interfaces", "ip"], ["trace", "traceroute"]]
) {
  const peer = needs(program!);
  Deno.test({
    name: `diagnose ${command} reads the system's ${program}${peer.suffix}`,
    ignore: peer.ignore,
    async fn() {
      const { code, stdout, stderr } = await runAs(["-c", "1", command!, "127.0.0.1"]);
      assertEquals([code, stderr], [0, ""], stdout);
      assertStringIncludes(stdout, "127.0.0.1");
    },
  });
}

Deno.test("diagnose() reports errors as NetError", async () => {
  const found = await way(`tcp://127.0.0.1:${freePorts(1)[0]}`);
  const tcp = found.steps.find(({ step }) => step === "tcp");
  assert(tcp?.error instanceof NetError && tcp.error.kind === "refused");
});
