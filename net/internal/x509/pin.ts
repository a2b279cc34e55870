/** Pins: hashes of keys and certificates that identify a peer without an authority. */

import { createHash } from "node:crypto";
import type { Certificate } from "./certificate.ts";

/** The form of a pin, for the message about a wrong one. */
export const PIN_FORM =
  'a pin: "sha256/" and the SHA-256 of the public key in Base64, or the SHA-256 of the certificate in hexadecimal digits';

/** Returns a pin in its normal form; undefined if it is malformed. */
export function readPin(text: string): string | undefined {
  const key = /^sha256\/\/?([A-Za-z0-9+/]{43}=)$/.exec(text)?.[1];
  if (key !== undefined) return `sha256/${key}`;
  const digits = /^([0-9a-f]{2}:){31}[0-9a-f]{2}$/i.test(text) ? text.replaceAll(":", "") : text;
  return /^[0-9a-f]{64}$/i.test(digits) ? digits.toLowerCase() : undefined;
}

/** Returns the pins that fit a certificate: that of its key (RFC 7469 §2.4), and its own. */
export function pinsOf({ der, publicKey }: Certificate): { key: string; certificate: string } {
  const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes);
  return {
    key: `sha256/${sha256(publicKey).digest("base64")}`,
    certificate: sha256(der).digest("hex"),
  };
}
