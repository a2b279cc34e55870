/**
 * Verifies the certificates of peers on the machine of `node:tls`, by the same rules as TLS of Deno.
 *
 * The machine of Deno 2.9 uses the same library as TLS of Deno, webpki, but is more lenient:
 *
 * - It does not verify the name.
 * - If webpki cannot read a certificate of the chain, it compares only the names of the issuers with
 *   those of `ca`, and no signature.
 * - If webpki cannot read the certificate of the peer, it accepts any signature in the handshake.
 * - It accepts whatever certificate was shown when a resumed session began, possibly to another server
 *   of this process.
 *
 * So whatever it accepts is checked here once more. What it rejects stays rejected: here the reason
 * is found, because it has one code for most of them.
 */

import { NetError } from "../errors/errors.ts";
import { anchorsIn, areReadable } from "../internal/x509/authorities.ts";
import { type Certificate, parseCertificate } from "../internal/x509/certificate.ts";
import { asDefect, Defect } from "../internal/x509/defect.ts";
import { type CertificateNames, namesMatch, namesOf } from "../internal/x509/names.ts";
import { checkPath, checkValidity, mayLeadByName, type Purpose } from "../internal/x509/path.ts";
import { pinsOf, readPin } from "../internal/x509/pin.ts";
import { checkReadable } from "../internal/x509/readable.ts";

/** The expectations of one side about the other one. */
export interface Expected {
  /** The authorities in PEM. Servers may also have a certificate of those that Deno trusts. */
  readonly authorities: readonly string[] | undefined;
  readonly purpose: Purpose;
  /** The name that the certificate must be valid for. @default any name */
  readonly name?: string;
}

/** The results of a handshake. */
export interface Shown {
  /** The certificates that the peer has sent (DER), its own one first. */
  readonly peerCertificates: readonly Uint8Array[];
  /** The reason why the machine does not trust the peer, or an empty string. */
  readonly verifyError: string;
  /** Whether the handshake continues an earlier session. */
  readonly isResumed: boolean;
}

/**
 * Verifies the chain and the name of a peer.
 *
 * @throws {Defect} The reason why the peer is not trusted.
 */
export function verifyPeer(shown: Shown, expected: Expected): void {
  const own = readOwn(shown);
  checkTrust(shown, own, expected);
  const { name } = expected;
  if (name === undefined) return;
  const names = namesOf(own.extensions);
  if (!namesMatch(names, name)) throw new Defect("NotValidForName", otherNames(names, name));
}

/** Returns what TLS of Deno says about a certificate for other names. */
function otherNames({ hosts, addresses }: CertificateNames, wanted: string): string {
  const names = [
    ...hosts.map((name) => `DnsName("${name}")`),
    ...addresses.map((address) => `IpAddress(${address})`),
  ];
  const valid = names.length === 0
    ? "not valid for any names (according to its subjectAltName extension)"
    : `only valid for ${names.join(", ").replace(/, ([^,]*)$/, " or $1")}`;
  return ` "${wanted}"; certificate is ${valid}`;
}

function checkTrust(shown: Shown, own: Certificate, { authorities = [], purpose }: Expected): void {
  const [, ...others] = shown.peerCertificates;
  const anchors = anchorsIn(authorities);
  // A resumed session has no verdict: the peer may have been rejected after the first handshake.
  const isAccepted = shown.verifyError === "" && !shown.isResumed;
  // Without authorities of its own, the machine compares no names of issuers.
  if (isAccepted && authorities.length === 0 && purpose === "server") return;
  const defect = defectOf(() => checkPath(own, others, anchors, purpose));
  if (defect === undefined) {
    if (isAccepted || shown.isResumed) return;
    throw new Defect("UnknownIssuer");
  }
  // A server may have a certificate of an authority that only Deno knows. The verdict is right then,
  // unless it can come from a comparison of names.
  const isRight = isAccepted && purpose === "server" && areReadable(authorities) &&
    !mayLeadByName(own, others, anchors);
  if (!isRight) throw defect;
}

/**
 * Compares the key and the certificate of the peer with pins, and checks the dates of the certificate.
 *
 * @throws {NetError} If it has another key.
 * @throws {Defect} If its certificate cannot be read, or is not valid now.
 */
export function verifyPin(shown: Shown, pins: readonly string[], address: string): void {
  const own = readOwn(shown);
  const seen = pinsOf(own);
  const isKnown = pins.map(readPin).some((pin) => pin === seen.key || pin === seen.certificate);
  if (isKnown) return checkValidity(own.validity);
  const message = `TLS handshake failed with ${address}: its key has the pin ${seen.key}, ` +
    "which is not an expected one";
  throw new NetError(message, { kind: "tls", phase: "handshake", address, tls: "pin" });
}

/** Reads the certificate of the peer, whose signature in the handshake must have been checked. */
function readOwn({ peerCertificates: [der] }: Shown): Certificate {
  if (der === undefined) throw new Defect("BadEncoding");
  const certificate = parseCertificate(der);
  checkReadable(der);
  return certificate;
}

function defectOf(work: () => void): Defect | undefined {
  try {
    work();
  } catch (error) {
    return asDefect(error);
  }
  return undefined;
}
