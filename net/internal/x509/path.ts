/** Finds a path from a certificate to a trusted authority, and checks it (RFC 5280 §6.1). */

import { type Certificate, issuance, parseCertificate, sameBytes } from "./certificate.ts";
import { asDefect, Defect } from "./defect.ts";
import { DerReader, malformed, readFlag } from "./der.ts";
import { checkNameConstraints } from "./name_constraints.ts";
import { checkSignature } from "./signature.ts";

/** The side that shows a certificate. */
export type Purpose = "server" | "client";

/** Maximum number of authorities between a certificate and the trusted one. */
const MOST_BETWEEN = 6;

/** Maximum number of signatures that are checked for one peer. */
const MOST_SIGNATURES = 100;

/** Maximum number of certificates that are tried for one peer. */
const MOST_TRIED = 1000;

/** The identifiers of the purposes for TLS (RFC 5280 §4.2.1.12), in hexadecimal DER. */
const PURPOSES: Readonly<Record<Purpose, string>> = {
  server: "2b06010505070301",
  client: "2b06010505070302",
};

/**
 * Throws unless a chain leads to one of the trusted certificates. A peer may also show a trusted
 * certificate of an authority as its own, as it is if it was made by `openssl req -x509`.
 *
 * @param own The certificate of the peer.
 * @param others The other certificates that the peer has sent, in any order. They may be malformed.
 * @throws {Defect} If there is no valid path; the most specific defect of all paths.
 */
export function checkPath(
  own: Certificate,
  others: readonly Uint8Array[],
  anchors: readonly Certificate[],
  purpose: Purpose,
  now = Date.now(),
): void {
  const isTrusted = isAuthority(own) && anchors.some(({ der }) => sameBytes(der, own.der));
  if (isTrusted) checkOwn(own, "trusted", 0, purpose, now);
  else new PathSearch(others, anchors, purpose, now).search([own]);
}

/**
 * Returns whether the names of the issuers may lead to one of the trusted certificates. No signature
 * is checked, so this says nothing about whether the peer can be trusted.
 */
export function mayLeadByName(
  own: Certificate,
  others: readonly Uint8Array[],
  anchors: readonly Certificate[],
): boolean {
  const reached = [own.issuer];
  const rest = others.map(issuance);
  if (rest.includes(undefined)) return true;
  // The list grows while the loop runs, by at most the issuer of each certificate.
  for (const issuer of reached) {
    if (anchors.some(({ subject }) => sameBytes(subject, issuer))) return true;
    for (const [i, link] of rest.entries()) {
      if (link === undefined || !sameBytes(link.subject, issuer)) continue;
      reached.push(link.issuer);
      rest[i] = undefined;
    }
  }
  return false;
}

class PathSearch {
  /** Read once: a malicious chain has 240 certificates that may all have issued each other. */
  readonly #others: readonly (Certificate | Defect)[];
  readonly #anchors: readonly Certificate[];
  readonly #purpose: Purpose;
  readonly #now: number;
  #signatures = MOST_SIGNATURES;
  #tried = MOST_TRIED;

  constructor(
    others: readonly Uint8Array[],
    anchors: readonly Certificate[],
    purpose: Purpose,
    now: number,
  ) {
    this.#others = others.map(readOther);
    this.#anchors = anchors;
    this.#purpose = purpose;
    this.#now = now;
  }

  /** Continues a path, whose first certificate is that of the peer. Throws if it leads nowhere. */
  search(path: readonly Certificate[]): void {
    const last = path.at(-1)!;
    const role = path.length === 1 ? "own" : "authority";
    checkOwn(last, role, Math.max(0, path.length - 2), this.#purpose, this.#now);
    let worst = new Defect("UnknownIssuer");
    const attempt = (work: () => void): boolean => {
      try {
        work();
        return true;
      } catch (error) {
        worst = worst.or(asDefect(error));
        return false;
      }
    };
    for (const anchor of this.#anchors) {
      if (!sameBytes(anchor.subject, last.issuer)) continue;
      if (attempt(() => this.#checkChain(path, anchor))) return;
    }
    for (const next of this.#others) {
      if (next instanceof Defect) {
        worst = worst.or(next);
        continue;
      }
      if (!sameBytes(next.subject, last.issuer) || path.some((it) => isSameKey(it, next))) continue;
      if (path.length > MOST_BETWEEN || --this.#tried < 0) throw worst.or(new Defect("TooDeep"));
      if (attempt(() => this.search([...path, next]))) return;
    }
    throw worst;
  }

  /** Checks the signatures and the names of a whole path, from the trusted authority downwards. */
  #checkChain(path: readonly Certificate[], anchor: Certificate): void {
    const chain = [...path, anchor];
    for (let i = path.length - 1; i >= 0; i--) {
      if (--this.#signatures < 0) throw new Defect("TooDeep");
      checkSignature(chain[i]!, chain[i + 1]!.publicKey);
    }
    for (let i = path.length; i > 0; i--) {
      checkNameConstraints(chain[i]!.extensions.nameConstraints, chain.slice(0, i));
    }
  }
}

function readOther(der: Uint8Array): Certificate | Defect {
  try {
    return parseCertificate(der);
  } catch (error) {
    return asDefect(error);
  }
}

/** Prevents loops (RFC 4158 §5.2). */
function isSameKey(one: Certificate, other: Certificate): boolean {
  return sameBytes(one.publicKey, other.publicKey) && sameBytes(one.subject, other.subject);
}

/** Checks what a certificate says about itself: its validity, its role and its purposes. */
function checkOwn(
  { validity, extensions }: Certificate,
  role: "own" | "authority" | "trusted",
  below: number,
  purpose: Purpose,
  now: number,
): void {
  checkValidity(validity, now);
  if (role !== "trusted") checkRole(extensions.basicConstraints, role === "authority", below);
  checkPurpose(extensions.purposes, purpose);
}

/** Checks the dates of a certificate (RFC 5280 §4.1.2.5). */
export function checkValidity(validity: Uint8Array, now = Date.now()): void {
  const [start, end] = readValidity(validity);
  const time = Math.floor(now / 1000) * 1000;
  if (start > end) throw new Defect("InvalidCertValidity");
  if (time < start) throw new Defect("NotValidYet");
  if (time > end) throw new Defect("Expired");
}

/** Returns the start and the end of a validity, in milliseconds since 1970. */
export function readValidity(validity: Uint8Array): [start: number, end: number] {
  const reader = new DerReader(validity);
  const [start, end] = [readTime(reader), readTime(reader)];
  reader.end();
  return [start, end];
}

/** Reads a UTCTime or a GeneralizedTime in the only form that is allowed. */
function readTime(reader: DerReader): number {
  const { tag, body } = reader.read();
  const text = new TextDecoder("latin1").decode(body);
  const digits = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (digits === null || tag !== (digits[1]!.length === 2 ? 0x17 : 0x18)) throw malformed();
  const [, written = "", month, day, hour, minute, second] = digits;
  const year = written.length === 4 ? written : `${Number(written) < 50 ? 20 : 19}${written}`;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // Date.parse() takes February 30 for March 1.
  if (Number.isNaN(time) || new Date(time).getUTCDate() !== Number(day)) throw malformed();
  return time;
}

/**
 * Checks the basic constraints of a certificate (RFC 5280 §4.2.1.9).
 *
 * @param isAuthority Whether it has issued another certificate of the path.
 * @param below Number of authorities below it.
 */
export function checkRole(
  bytes: Uint8Array | undefined,
  isAuthority: boolean,
  below: number,
): void {
  const reader = new DerReader(bytes);
  const isMarked = readFlag(reader);
  const length = reader.takeIf(0x02)?.body;
  reader.end();
  if (length !== undefined && (length.length !== 1 || length[0]! > 0x7f)) throw malformed();
  if (isMarked !== isAuthority) {
    throw new Defect(isMarked ? "CaUsedAsEndEntity" : "EndEntityUsedAsCa");
  }
  if (isMarked && length !== undefined && below > length[0]!) {
    throw new Defect("PathLenConstraintViolated");
  }
}

/**
 * Checks the extended key usage (RFC 5280 §4.2.1.12). Authorities are checked, too: the purposes of one
 * limit those of the certificates below it.
 */
export function checkPurpose(bytes: Uint8Array | undefined, purpose: Purpose): void {
  if (bytes === undefined) return;
  const reader = new DerReader(bytes);
  let found = false;
  while (!reader.done) found = reader.take(0x06).body.toHex() === PURPOSES[purpose] || found;
  if (!found) throw new Defect("InvalidPurpose");
}

/** Returns whether a certificate is marked as that of an authority. */
export function isAuthority({ extensions }: Certificate): boolean {
  const { basicConstraints } = extensions;
  return basicConstraints !== undefined && readFlag(new DerReader(basicConstraints));
}
