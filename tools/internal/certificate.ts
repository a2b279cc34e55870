/**
 * Describes certificates for people, also malformed ones. It does not verify them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, createPublicKey } from "node:crypto";
import { type Certificate, issuance, parseAnchor } from "../../net/internal/x509/certificate.ts";
import { asDefect, type Defect } from "../../net/internal/x509/defect.ts";
import { DerReader } from "../../net/internal/x509/der.ts";
import { namesOf } from "../../net/internal/x509/names.ts";
import { readValidity } from "../../net/internal/x509/path.ts";
import { pinsOf } from "../../net/internal/x509/pin.ts";
import { escapeControls } from "../../net/text.ts";
import type { DiagnosedCertificate } from "../diagnose/diagnosis.ts";

const DAY = 86_400_000;

/** Minimum size of an RSA key in bits. */
const LEAST_RSA_BITS = 2048;

/** Signature algorithms by their object identifier, in hexadecimal DER. */
const SIGNATURES: Readonly<Record<string, string>> = {
  "2a864886f70d010102": "RSA with MD2",
  "2a864886f70d010104": "RSA with MD5",
  "2a864886f70d010105": "RSA with SHA-1",
  "2a864886f70d01010a": "RSA-PSS",
  "2a864886f70d01010e": "RSA with SHA-224",
  "2a864886f70d01010b": "RSA with SHA-256",
  "2a864886f70d01010c": "RSA with SHA-384",
  "2a864886f70d01010d": "RSA with SHA-512",
  "2a8648ce3d0401": "ECDSA with SHA-1",
  "2a8648ce3d040301": "ECDSA with SHA-224",
  "2a8648ce3d040302": "ECDSA with SHA-256",
  "2a8648ce3d040303": "ECDSA with SHA-384",
  "2a8648ce3d040304": "ECDSA with SHA-512",
  "2a8648ce380403": "DSA with SHA-1",
  "2b6570": "Ed25519",
  "2b6571": "Ed448",
};

/** Curves by the names of OpenSSL and by those of NIST. */
const CURVES: Readonly<Record<string, string>> = {
  "prime256v1": "P-256",
  "secp384r1": "P-384",
  "secp521r1": "P-521",
  "p256": "P-256",
  "p384": "P-384",
  "p521": "P-521",
};

/** A certificate as the server has sent it, and what could be read of it. */
export interface ReadCertificate {
  readonly der: Uint8Array;
  /** The parts; undefined if it is malformed. */
  readonly parts: Certificate | undefined;
  /** The names in DER; undefined if they cannot be found. */
  readonly issuer: Uint8Array | undefined;
  readonly subject: Uint8Array | undefined;
  readonly key: PublicKey | undefined;
}

/** A public key. */
export interface PublicKey {
  /** Its kind and size, such as `RSA 2048` or `EC P-256`. */
  readonly name: string;
  /** Whether it is too short for TLS. */
  readonly isShort: boolean;
}

/** Reads a certificate of any version, also one with unknown extensions. */
export function readCertificate(der: Uint8Array): ReadCertificate {
  const parts = attempt(() => parseAnchor(der));
  const names = parts ?? issuance(der);
  return {
    der,
    parts,
    issuer: names?.issuer,
    subject: names?.subject,
    key: parts && readKey(parts.publicKey),
  };
}

function readKey(spki: Uint8Array): PublicKey | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    const { modulusLength, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
    const kind = key.asymmetricKeyType ?? "";
    if (modulusLength !== undefined) {
      const isShort = modulusLength < LEAST_RSA_BITS;
      return { name: `${kind.toUpperCase().slice(0, 3)} ${modulusLength}`, isShort };
    }
    if (kind === "ec") return { name: `EC ${CURVES[namedCurve] ?? namedCurve}`, isShort: false };
    return { name: kind.replace("ed", "Ed"), isShort: false };
  } catch {
    return undefined;
  }
}

/** Returns the name of a signature algorithm, such as `RSA with SHA-256`. */
export function signatureName(algorithm: Uint8Array): string {
  const id = attempt(() => new DerReader(algorithm).take(0x06).body.toHex());
  return SIGNATURES[id ?? ""] ?? "an unknown algorithm";
}

/** Returns a certificate as plain data, without defects. */
export function describeCertificate(read: ReadCertificate, now: number): DiagnosedCertificate {
  const { der, parts, key } = read;
  const [start, end] = parts && attempt(() => readValidity(parts.validity)) || [NaN, NaN];
  const { hosts, addresses } = parts ? namesOf(parts.extensions) : { hosts: [], addresses: [] };
  const hash = createHash("sha256").update(der).digest("hex").toUpperCase();
  return {
    subject: nameText(read.subject),
    issuer: nameText(read.issuer),
    names: [...hosts, ...addresses].map(escapeControls),
    notBefore: new Date(start),
    notAfter: new Date(end),
    daysLeft: Math.floor((end - now) / DAY),
    fingerprint: hash.match(/../g)!.join(":"),
    key: key?.name ?? "unknown",
    signature: parts ? signatureName(parts.algorithm) : "unknown",
    ...(parts && { pin: pinsOf(parts).key }),
    defects: [],
  };
}

/** The attributes that name a certificate, the best first: common name, organisation, unit. */
const NAMING = ["550403", "55040a", "55040b"];

/** Returns the common name of a name in DER, or else its organisation, or an empty text. */
export function nameText(name: Uint8Array | undefined): string {
  const found = new Map<string, string>();
  attempt(() => {
    for (const set = new DerReader(name); !set.done;) {
      for (const list = new DerReader(set.take(0x31).body); !list.done;) {
        const attribute = new DerReader(list.take(0x30).body);
        const id = attribute.take(0x06).body.toHex();
        const { tag, body } = attribute.read();
        if (!found.has(id)) found.set(id, new TextDecoder(ENCODINGS[tag] ?? "latin1").decode(body));
      }
    }
  });
  const best = NAMING.map((id) => found.get(id)).find((text) => text !== undefined) ?? "";
  return escapeControls(best.slice(0, 200));
}

/** The encodings of texts by their tags: UTF8String and BMPString; others are close to Latin-1. */
const ENCODINGS: Readonly<Record<number, string>> = { 0x0c: "utf-8", 0x1e: "utf-16be" };

/** Returns the result of a function; undefined if it meets malformed bytes. */
function attempt<T>(work: () => T): T | undefined {
  return defectOf(work).value;
}

/** Runs a function and returns its result, or the defect that it has thrown. */
export function defectOf<T>(work: () => T): { value?: T; defect?: Defect } {
  try {
    return { value: work() };
  } catch (error) {
    return { defect: asDefect(error) };
  }
}
