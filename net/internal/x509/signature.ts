/** The signatures of certificates. */

import { Buffer } from "node:buffer";
import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { Certificate } from "./certificate.ts";
import { Defect } from "./defect.ts";
import { Proven } from "./proven.ts";

/** A signature algorithm. Those with SHA-1 and older ones are not accepted. */
interface Algorithm {
  readonly key: string;
  readonly hash: string | null;
  readonly saltLength?: number;
}

/** The algorithms by their identifier with its parameters, in hexadecimal DER. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  "06082a8648ce3d040302": { key: "ec", hash: "sha256" },
  "06082a8648ce3d040303": { key: "ec", hash: "sha384" },
  "06082a8648ce3d040304": { key: "ec", hash: "sha512" },
  "06032b6570": { key: "ed25519", hash: null },
  ...rsa("0b", "sha256"),
  ...rsa("0c", "sha384"),
  ...rsa("0d", "sha512"),
  ...rsaPss(1, "sha256", 32),
  ...rsaPss(2, "sha384", 48),
  ...rsaPss(3, "sha512", 64),
};

/** PKCS #1 v1.5. The parameters should be null, but some authorities omit them. */
function rsa(arc: string, hash: string): Record<string, Algorithm> {
  const id = `06092a864886f70d0101${arc}`;
  return { [id]: { key: "rsa", hash }, [`${id}0500`]: { key: "rsa", hash } };
}

/** RSASSA-PSS with the same hash for the message and for the mask (RFC 4055 §3.1). */
function rsaPss(arc: number, hash: string, saltLength: number): Record<string, Algorithm> {
  const id = `300d06096086480165030402${hex(arc)}0500`;
  const mask = `301a06092a864886f70d010108${id}`;
  const body = `a00f${id}a11c${mask}a2030201${hex(saltLength)}`;
  return { [`06092a864886f70d01010a3034${body}`]: { key: "rsa", hash, saltLength } };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Minimum size of an RSA key in bits. */
const LEAST_RSA_BITS = 2048;

const proven = new Proven();

/**
 * Throws unless a certificate is signed by the holder of a key.
 *
 * @param publicKey The key with its algorithm (SubjectPublicKeyInfo) in DER.
 * @throws {Defect} If the signature is wrong, its algorithm is not accepted, or the key is too short.
 */
export function checkSignature(certificate: Certificate, publicKey: Uint8Array): void {
  // Both parts are DER, so their concatenation has one meaning. A check takes 1.5 ms.
  proven.ensure([certificate.der, publicKey], () => verifySignature(certificate, publicKey));
}

function verifySignature(certificate: Certificate, publicKey: Uint8Array): void {
  const algorithm = ALGORITHMS[certificate.algorithm.toHex()];
  if (algorithm === undefined) throw new Defect("UnsupportedSignatureAlgorithm");
  let isRight: boolean;
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    if (key.asymmetricKeyType !== algorithm.key) throw new Defect("UnsupportedSignatureAlgorithm");
    isRight = !isShort(key) && verify(
      algorithm.hash,
      certificate.signed,
      algorithm.saltLength === undefined ? key : {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: algorithm.saltLength,
      },
      certificate.signature,
    );
  } catch (error) {
    if (error instanceof Defect) throw error;
    isRight = false;
  }
  if (!isRight) throw new Defect("BadSignature");
}

function isShort(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits !== undefined && bits < LEAST_RSA_BITS;
}
