import { assertEquals } from "@std/assert";
import {
  describeCertificate,
  readCertificate,
  signatureName,
} from "../../../tools/internal/certificate.ts";
import { type CertificateSpec, writeCertificate } from "../../_support/x509_writer.ts";

const NOW = Date.parse("2030-06-01T00:00:00Z");

async function describe(spec: CertificateSpec) {
  return describeCertificate(readCertificate((await writeCertificate(spec)).der), NOW);
}

Deno.test("describeCertificate() names the kind and the size of keys and signatures", async () => {
  const rows: [spec: CertificateSpec, key: string, signature: string][] = [
    [{ key: "P-256" }, "EC P-256", "ECDSA with SHA-256"],
    [{ key: "P-384" }, "EC P-384", "ECDSA with SHA-256"],
    [{ key: "RSA-2048" }, "RSA 2048", "RSA with SHA-256"],
    [{ key: "RSA-1024", hash: "SHA-1" }, "RSA 1024", "RSA with SHA-1"],
  ];
  for (const [spec, key, signature] of rows) {
    const found = await describe({ cn: "a", ...spec });
    assertEquals([found.key, found.signature], [key, signature]);
  }
  const keys = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const signer = await writeCertificate({ cn: "root" });
  assertEquals((await describe({ cn: "a", keys, by: signer })).key, "Ed25519");
});

Deno.test("describeCertificate() has the names and the days that are left", async () => {
  const names = [{ dns: "a.test" }, { ip: "127.0.0.1" }, { dns: "b\x1b.test" }];
  const dates = { notBefore: new Date(NOW - 1000), notAfter: new Date(NOW + 86_400_000 * 1.5) };
  const by = await writeCertificate({ cn: "Root" });
  const found = await describe({ cn: "A", by, names, ...dates });
  assertEquals([found.subject, found.issuer, found.daysLeft], ["A", "Root", 1]);
  assertEquals(found.names, ["a.test", "b\\x1B.test", "127.0.0.1"]);
  assertEquals(found.fingerprint.length, 32 * 3 - 1);
  assertEquals((await describe({ cn: "A", ...dates, notAfter: new Date(NOW - 1) })).daysLeft, -1);
  assertEquals((await describe({ cn: "A", badDer: true })).daysLeft, NaN);
});

Deno.test("describeCertificate() says of malformed bytes what it can", async () => {
  const { der } = await writeCertificate({ cn: "a" });
  for (const bytes of [new Uint8Array(0), der.subarray(0, 20), der.subarray(0, -1)]) {
    const { subject, key, signature, names, pin } = describeCertificate(
      readCertificate(bytes),
      NOW,
    );
    assertEquals([key, signature, names, pin], ["unknown", "unknown", [], undefined]);
    assertEquals(typeof subject, "string");
  }
  assertEquals(signatureName(Uint8Array.of(6, 3, 43, 101, 112)), "Ed25519");
  for (const bytes of [[], [6, 1, 7], [6, 3, 43]]) {
    assertEquals(signatureName(Uint8Array.from(bytes)), "an unknown algorithm");
  }
});
