/** Reads certificates (RFC 5280 §4). */

import { asDefect, Defect } from "./defect.ts";
import { DerReader, malformed, onlyElement, readFlag } from "./der.ts";

/** The parts of a certificate that matter for its verification. Names are the content in DER. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The signed part. */
  readonly signed: Uint8Array;
  /** The signature algorithm with its parameters. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly validity: Uint8Array;
  /** The public key with its algorithm, the whole element. */
  readonly publicKey: Uint8Array;
  readonly extensions: Extensions;
}

/** The content of the known extensions. */
export interface Extensions {
  readonly keyUsage?: Uint8Array;
  readonly alternativeNames?: Uint8Array;
  readonly basicConstraints?: Uint8Array;
  readonly nameConstraints?: Uint8Array;
  readonly purposes?: Uint8Array;
}

/** The known extensions by the last arc of their identifier, 2.5.29.x. */
const KNOWN: Readonly<Record<number, keyof Extensions>> = {
  15: "keyUsage",
  17: "alternativeNames",
  19: "basicConstraints",
  30: "nameConstraints",
  37: "purposes",
};

/** Extensions that are known, but say nothing about whom to trust: distribution points of CRLs. */
const IGNORED = new Set([31]);

/**
 * Reads a certificate of a peer. It must be of version 3.
 *
 * It is at least as strict as webpki, which TLS of Deno uses: for a certificate that webpki cannot
 * read, `node:tls` of Deno 2.9 does not check whether the peer has its key.
 *
 * @throws {Defect} If it is malformed, or has an unknown extension that is critical.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return parse(der, false);
}

/** Reads a certificate that is trusted as it is. It may be of version 1. */
export function parseAnchor(der: Uint8Array): Certificate {
  return parse(der, true);
}

function parse(der: Uint8Array, trusted: boolean): Certificate {
  const outer = new DerReader(onlyElement(der, 0x30).body);
  const signed = outer.take(0x30);
  const algorithm = outer.take(0x30).body;
  const signature = bits(outer.take(0x03).body);
  outer.end();
  const parts = new DerReader(signed.body);
  const version = parts.takeIf(0xa0);
  if (!trusted && version?.body.join() !== "2,1,2") throw new Defect("UnsupportedCertVersion");
  parts.take(0x02);
  if (!sameBytes(parts.take(0x30).body, algorithm)) {
    throw new Defect("SignatureAlgorithmMismatch");
  }
  const issuer = parts.take(0x30).body;
  const validity = parts.take(0x30).body;
  const subject = parts.take(0x30).body;
  const publicKey = parts.take(0x30).whole;
  // Unique identifiers of the issuer and the subject.
  parts.takeIf(0x81);
  parts.takeIf(0x82);
  const extensions = parts.done ? {} : readExtensions(parts.take(0xa3).body, trusted);
  parts.end();
  return {
    der,
    signed: signed.whole,
    algorithm,
    signature,
    issuer,
    validity,
    subject,
    publicKey,
    extensions,
  };
}

function readExtensions(bytes: Uint8Array, trusted: boolean): Extensions {
  const found: { -readonly [Name in keyof Extensions]: Extensions[Name] } = {};
  const list = new DerReader(onlyElement(bytes, 0x30).body);
  while (!list.done) {
    const extension = new DerReader(list.take(0x30).body);
    const id = extension.take(0x06).body;
    const critical = readFlag(extension);
    const value = extension.take(0x04).body;
    extension.end();
    const arc = id.length === 3 && id[0] === 0x55 && id[1] === 0x1d ? id[2]! : -1;
    const name = KNOWN[arc];
    if (name === undefined) {
      if (critical && !trusted && !IGNORED.has(arc)) {
        throw new Defect("UnsupportedCriticalExtension");
      }
      continue;
    }
    if (found[name] !== undefined) throw malformed();
    found[name] = onlyElement(value, name === "keyUsage" ? 0x03 : 0x30).body;
  }
  return found;
}

/**
 * Returns the names of the issuer and the subject of a certificate that may be of any version and
 * malformed otherwise; undefined if they cannot be found.
 */
export function issuance(der: Uint8Array): Pick<Certificate, "issuer" | "subject"> | undefined {
  try {
    const parts = new DerReader(new DerReader(onlyElement(der, 0x30).body).take(0x30).body);
    parts.takeIf(0xa0);
    parts.read();
    parts.read();
    const issuer = parts.take(0x30).body;
    parts.read();
    return { issuer, subject: parts.take(0x30).body };
  } catch (error) {
    asDefect(error);
    return undefined;
  }
}

/** Returns the bits of a bit string without unused bits. */
function bits(body: Uint8Array): Uint8Array {
  if (body[0] !== 0) throw malformed();
  return body.subarray(1);
}

/** Returns whether two byte strings are equal. They are public, so the time may differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Returns the certificates in a PEM text. Those that are no Base64 are left out. */
export function certificatesIn(pem: string): Uint8Array<ArrayBuffer>[] {
  const found = pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g);
  return [...found].flatMap(([, body]) => {
    try {
      return [Uint8Array.fromBase64(body!)];
    } catch {
      return [];
    }
  });
}
