import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { dial } from "../../../net/internal/dial.ts";
import { probeTls } from "../../../net/tls/internal/probe.ts";
import { describeChain } from "../../../tools/internal/describe_chain.ts";
import { failureOf, judgeChain } from "../../../tools/internal/judge_chain.ts";
import { makeChains } from "../../net/tls/chains.ts";
import { writeCertificate, type WrittenCertificate } from "../../_support/x509_writer.ts";

/** Judges a chain as a server shows it in a handshake. */
async function judge(
  shown: readonly WrittenCertificate[],
  trusted: readonly WrittenCertificate[],
  host: string,
) {
  const server = tls.createServer({
    cert: shown.map(({ pem }) => pem).join(""),
    key: shown[0]!.key,
  }, (socket) => void socket.on("error", () => {}).resume());
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const caCerts = trusted.map(({ pem }) => pem);
    const raw = await dial({ port: (server.address() as AddressInfo).port });
    const probe = await probeTls(raw, { serverName: host, caCerts, handshakeTimeout: 30_000 });
    probe.transport.close();
    const { refusal, failure, peerCertificates } = probe;
    assertEquals(failure, undefined);
    const expected = { host, caCerts, refusal, pinned: false, now: Date.now() };
    const judged = judgeChain(peerCertificates, expected);
    return { ...judged, text: describeChain(judged, refusal, host).text };
  } finally {
    server.close();
    await once(server, "close");
  }
}

/** The sentences for chains of the table; a part of each. */
const SENTENCES: Readonly<Record<string, string>> = {
  "an expired authority": "the authority Sub 1 expired 24 hours ago",
  "an authority that is not valid yet": "the authority Sub 1 is not valid for another 24 hours",
  "an authority for clients": "the authority Sub 1 must not issue certificates of servers",
  "an issuer that is no authority": "the authority Sub 1 is not that of an authority",
  "path length 0 and one between": "must not issue certificates of other authorities",
  "an authority with an unknown critical extension": "has an unknown extension that is marked",
  "a forged authority": "the authority Sub 1 is not signed by the authority that it names (Root)",
  "an authority of version 1": "the authority Sub 1 is not of version 3",
  "constraints of a root": "the certificate leads to Root, which must not certify the names",
  "the chain has a gap":
    "signed by Second, which is not trusted, and which the server does not send",
  "the chain is a loop": "the chain is a loop",
  "expired, for another name": "expired 24 hours ago, and contains no host name",
  "a validity that ends before it starts": "has a validity that ends before it starts",
  "for clients": "the certificate is not for servers",
  "forged": "the certificate is not signed by the authority that it names (Root)",
  "malformed": "the certificate has malformed dates",
  "marked as authority": "is that of an authority (CA:TRUE)",
  "signed by a short key": "with a key of RSA 1024 bits",
  "signed with SHA-1": "is signed by RSA with SHA-1, which is too weak",
  "self-signed": "the certificate is self-signed",
  "self-signed authority": "is self-signed",
  'names "*.a.test", for a.test': "(*.a.test covers exactly one label)",
  "names null, also as common name, for a.test": "the common name (a.test) does not count",
};

Deno.test("judgeChain() agrees with connectTls() about every chain, and finds its reason", async () => {
  const wrong: string[] = [];
  const told = new Set<string>();
  for (const { name, shown, trusted, host, verdict } of await makeChains()) {
    const { failures, chain, text } = await judge(shown, trusted, host);
    const kinds = chain.flatMap(({ defects }) => defects.map(({ kind }) => failureOf(kind)));
    const expected = verdict === "trusted" ? undefined : verdict;
    if (failures[0] !== expected) wrong.push(`${name}: ${failures[0]} instead of ${verdict}`);
    if (expected === undefined ? kinds.length > 0 : !kinds.includes(expected)) {
      wrong.push(`${name}: the reasons are ${kinds}`);
    }
    const sentence = SENTENCES[name];
    if (sentence === undefined) continue;
    told.add(name);
    if (!text.includes(sentence)) wrong.push(`${name}: ${text}`);
  }
  assertEquals(wrong, []);
  assertEquals([...told].sort(), Object.keys(SENTENCES).sort());
});

const root = await writeCertificate({ cn: "Root", ca: true });

Deno.test("judgeChain() names the defects of each certificate of a chain", async () => {
  const DAY = 86_400_000;
  const past = { notBefore: new Date(Date.now() - 40 * DAY), notAfter: new Date(Date.now() - DAY) };
  const sub = await writeCertificate({ cn: "Sub", by: root, ca: true, ...past });
  const own = await writeCertificate({ by: sub, names: [{ dns: "b.test" }], purposes: [2] });
  const { chain, failures, text } = await judge([own, sub], [root], "a.test");
  assertEquals(chain.map(({ defects }) => defects.map(({ kind }) => kind)), [
    ["wrong-purpose", "wrong-name"],
    ["expired"],
  ]);
  assertEquals([...failures].sort(), ["bad-certificate", "expired", "wrong-name"]);
  assertStringIncludes(
    text,
    "the certificate is not for servers, and is for b.test, not for a.test",
  );
  assertStringIncludes(text, "; the authority Sub expired 24 hours ago");
});

Deno.test("judgeChain() shows the closest name first", async () => {
  const names = ["mail.a.test", "x.test", "y.test", "wwww.a.test"].map((dns) => ({ dns }));
  const own = await writeCertificate({ by: root, names });
  const { text } = await judge([own], [root], "www.a.test");
  assertEquals(
    text,
    "the certificate is for wwww.a.test, mail.a.test, x.test and 1 more, not for www.a.test",
  );
});

Deno.test("judgeChain() tells an unknown root and a missing authority apart", async () => {
  const rival = await writeCertificate({ cn: "Rival", ca: true });
  const sub = await writeCertificate({ cn: "Sub", by: rival, ca: true });
  const own = await writeCertificate({ by: sub, names: [{ dns: "a.test" }] });
  const sent = await judge([own, sub, rival], [root], "a.test");
  assertEquals(
    sent.text,
    "the authority Rival is a root authority that this client does not trust",
  );
  const missing = await judge([own], [root], "a.test");
  assertEquals(missing.chain[0]?.defects.map(({ kind }) => kind), ["missing-issuer"]);
  for (const { failures } of [sent, missing]) assertEquals(failures, ["untrusted"]);
});

Deno.test("judgeChain() puts certificates that do not belong to the chain at its end", async () => {
  const sub = await writeCertificate({ cn: "Sub", by: root, ca: true });
  const stranger = await writeCertificate({ cn: "Stranger", ca: true });
  const own = await writeCertificate({ cn: "Own", by: sub, names: [{ dns: "a.test" }] });
  const { chain, failures } = await judge([own, stranger, sub], [root], "a.test");
  assertEquals(chain.map(({ subject }) => subject), ["Own", "Sub", "Stranger"]);
  assertEquals(failures, []);
  assert(chain.every(({ key, signature }) => key === "EC P-256" && signature.startsWith("ECDSA")));
  assertEquals(chain[0]?.pin, own.pin);
});

Deno.test("judgeChain() shows the time until a certificate is valid in its unit", async () => {
  for (const [ms, words] of [[300_000, "5 minutes"], [7_200_000, "2 hours"]] as const) {
    const notBefore = new Date(Date.now() + ms + 900);
    const own = await writeCertificate({ by: root, names: [{ dns: "a.test" }], notBefore });
    const { text, failures } = await judge([own], [root], "a.test");
    assertStringIncludes(text, `is not valid for another ${words} (until `);
    assertEquals(failures, ["not-yet-valid"]);
  }
});
