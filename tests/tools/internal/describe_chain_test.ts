import { assertEquals } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import type { DiagnosedCertificate } from "../../../tools/diagnose/diagnosis.ts";
import { describeChain } from "../../../tools/internal/describe_chain.ts";

const DAY = 86_400_000;

function certificate(
  subject: string,
  daysLeft: number,
  more: Partial<DiagnosedCertificate> = {},
): DiagnosedCertificate {
  return {
    subject,
    issuer: "Sub",
    names: [subject],
    notBefore: new Date(0),
    notAfter: new Date(90 * DAY),
    daysLeft,
    fingerprint: "",
    key: "EC P-256",
    signature: "ECDSA with SHA-256",
    defects: [],
    ...more,
  };
}

const tlsError = (message: string, tls?: NetError["tls"]) =>
  new NetError(`TLS handshake failed with a.test:443: ${message}`, {
    kind: "tls",
    ...tls && { tls },
  });

Deno.test("describeChain() warns of the certificate of a chain that ends first", () => {
  const of = (...chain: DiagnosedCertificate[]) =>
    describeChain({ chain, failures: [] }, undefined, "a.test");
  const sub = certificate("Sub", 900);
  const text = (days: string) => `certificate of Sub for a.test, ${days} left`;
  assertEquals(of(certificate("a.test", 14), sub), { status: "ok", text: text("14 days") });
  assertEquals(of(certificate("a.test", 1), sub), {
    status: "warning",
    text: text("1 day"),
    advice: "Renew the certificate within 1 day.",
  });
  assertEquals(of(certificate("a.test", 30), certificate("Sub", 13)), {
    status: "warning",
    text: `${text("30 days")}; the authority Sub has 13 days left`,
    advice: "Replace the certificate of the authority within 13 days.",
  });
  // A certificate for six days is renewed in its last third.
  const short = { notAfter: new Date(6 * DAY) };
  assertEquals(of(certificate("a.test", 2, short)).status, "ok");
  assertEquals(of(certificate("a.test", 1, short)).status, "warning");
  assertEquals(
    of(certificate("a.test", 90, { issuer: "" })).text.startsWith("certificate of ?"),
    true,
  );
  assertEquals(of(), { status: "ok", text: "no certificate" });
});

Deno.test("describeChain() tells a refusal in the words of its error if no defect explains it", () => {
  const of = (refusal: NetError, ...chain: DiagnosedCertificate[]) =>
    describeChain({ chain, failures: [] }, refusal, "a.test");
  const own = certificate("a.test", 90);
  assertEquals(of(tlsError("its key is not pinned", "pin"), own), {
    status: "failed",
    text: "the key is not pinned",
    advice: "Compare the pin with the owner of the server.",
  });
  assertEquals(of(tlsError("it speaks no TLS"), own), {
    status: "failed",
    text: "the server: it speaks no TLS",
    advice: undefined,
  });
});

Deno.test("describeChain() names each defect, and the remedy for the one that counts", () => {
  const expired = { kind: "expired", text: "expired 2 days ago" } as const;
  const authority = certificate("", -2, { defects: [expired] });
  const found = describeChain(
    { chain: [certificate("a.test", 90), authority], failures: [] },
    tlsError("its authority has expired", "expired"),
    "a.test",
  );
  assertEquals(found, {
    status: "failed",
    text: "the authority without a name expired 2 days ago",
    advice: "Configure the server to send the current certificate of this authority.",
  });
});
