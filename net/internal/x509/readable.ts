import { generateKeyPairSync } from "node:crypto";
import { Defect } from "./defect.ts";
import { Proven } from "./proven.ts";

const proven = new Proven();
let otherKey: string | undefined;

/**
 * Throws unless TLS of Deno can read a certificate.
 *
 * `node:tls` of Deno 2.9 accepts any signature in the handshake for a certificate that webpki cannot
 * read, so its owner is unproven. This asks webpki itself: with a key that does not belong to the
 * certificate, the only error may be that they do not fit.
 */
export function checkReadable(der: Uint8Array): void {
  proven.ensure([der], () => ask(der));
}

function ask(der: Uint8Array): void {
  otherKey ??= generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const pem = `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`;
  try {
    Deno.createHttpClient({ cert: pem, key: otherKey }).close();
  } catch (error) {
    if (error instanceof Error && error.message.includes("KeyMismatch")) return;
  }
  throw new Defect("BadEncoding");
}
