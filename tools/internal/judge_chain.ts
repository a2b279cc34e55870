/**
 * Finds every reason why the certificates of a server are refused. Whether they are refused is decided by
 * the verifier of `connectTls`, which reports only one reason.
 */

import { anchorsIn } from "../../net/internal/x509/authorities.ts";
import {
  type Certificate,
  parseCertificate,
  sameBytes,
} from "../../net/internal/x509/certificate.ts";
import type { DefectName } from "../../net/internal/x509/defect.ts";
import { checkNameConstraints } from "../../net/internal/x509/name_constraints.ts";
import { namesMatch, namesOf } from "../../net/internal/x509/names.ts";
import {
  checkPurpose,
  checkRole,
  checkValidity,
  readValidity,
} from "../../net/internal/x509/path.ts";
import { checkSignature } from "../../net/internal/x509/signature.ts";
import type { NetError, TlsFailure } from "../../net/errors/errors.ts";
import {
  defectOf,
  describeCertificate,
  nameText,
  type ReadCertificate,
  readCertificate,
  signatureName,
} from "./certificate.ts";
import { count } from "./text.ts";
import { closestFirst } from "./closest_name.ts";
import type {
  CertificateDefect,
  CertificateDefectKind,
  DiagnosedCertificate,
} from "../diagnose/diagnosis.ts";

/** The certificates of a server, and everything that is wrong with them. */
export interface JudgedChain {
  /** The certificates in the order of the path, then those that do not belong to it. */
  readonly chain: readonly DiagnosedCertificate[];
  /** The kinds of failures, that of `connectTls` first. */
  readonly failures: readonly TlsFailure[];
}

/** The expectations of a client, and its verdict. */
export interface Expectation {
  readonly host: string;
  readonly caCerts: readonly string[];
  /** The error of the verifier; undefined if it trusts the server. */
  readonly refusal: NetError | undefined;
  /** Whether the server is identified by pins. Then only the dates of its certificate count. */
  readonly pinned: boolean;
  readonly now: number;
}

/** Maximum number of certificates to look at. A malicious server may send hundreds. */
const MAX_CHAIN = 10;

/** The kinds of failures of `connectTls` for each kind of defect; "bad-certificate" for all others. */
const FAILURES: Partial<Record<CertificateDefectKind, TlsFailure>> = {
  "expired": "expired",
  "not-yet-valid": "not-yet-valid",
  "wrong-name": "wrong-name",
  "self-signed": "untrusted",
  "unknown-root": "untrusted",
  "missing-issuer": "untrusted",
};

/** Judges certificates in DER, that of the server first. */
export function judgeChain(
  ders: readonly Uint8Array[],
  { host, caCerts, refusal, pinned, now }: Expectation,
): JudgedChain {
  const sent = ders.slice(0, MAX_CHAIN).map(readCertificate);
  const anchors = anchorsIn(caCerts);
  const { path, anchor } = findPath(sent, anchors);
  const strangers = sent.filter((one) => !path.includes(one));
  const isFor = (one: ReadCertificate, i: number): CertificateDefect[] => {
    if (refusal === undefined || (pinned && i > 0)) return [];
    if (pinned) return datesOf(one, now);
    const isLast = i === path.length - 1;
    const isTrusted = anchors.some(({ der }) => sameBytes(der, one.der));
    return [
      ...defectsOf(one, i, isTrusted),
      ...datesOf(one, now),
      ...(isTrusted ? [] : defectsOfSignature(one, path[i + 1]?.parts ?? anchor)),
      ...(i === 0 ? wrongName(one, host) : []),
      ...beyond(path, i),
      ...(isLast && anchor !== undefined ? beyondAnchor(path, anchor) : []),
      ...(isLast && anchor === undefined ? endOf(path, refusal) : []),
    ];
  };
  const chain = [
    ...path.map((one, i) => ({ ...describeCertificate(one, now), defects: isFor(one, i) })),
    ...strangers.map((one) => describeCertificate(one, now)),
  ];
  const found = chain.flatMap(({ defects }) => defects).map(({ kind }) => failureOf(kind));
  const first = refusal === undefined ? [] : [refusal.tls ?? "handshake"];
  return { chain, failures: [...new Set([...first, ...found])] };
}

/** Returns the kind of the failure that a defect leads to. */
export function failureOf(kind: CertificateDefectKind): TlsFailure {
  return FAILURES[kind] ?? "bad-certificate";
}

/** Returns the path that the names of the issuers make, and the trusted authority at its end. */
function findPath(
  sent: readonly ReadCertificate[],
  anchors: readonly Certificate[],
): { path: ReadCertificate[]; anchor: Certificate | undefined } {
  const path = sent.slice(0, 1);
  for (;;) {
    const last = path.at(-1);
    const issuer = last?.issuer;
    if (last === undefined || issuer === undefined) return { path, anchor: undefined };
    const signs = (key: Certificate) => last.parts !== undefined && isSignedBy(last.parts, key);
    const known = anchors.filter(({ subject }) => sameBytes(subject, issuer));
    const anchor = known.find(signs) ??
      (anchors.find(({ der }) => sameBytes(der, last.der)) ? last.parts : undefined);
    if (anchor !== undefined) return { path, anchor };
    const next = sent.filter((one) =>
      !path.includes(one) && one.subject !== undefined && sameBytes(one.subject, issuer)
    );
    const best = next.find(({ parts }) => parts !== undefined && signs(parts)) ?? next[0];
    if (best === undefined) return { path, anchor: known[0] };
    path.push(best);
  }
}

function isSignedBy(one: Certificate, by: Certificate): boolean {
  return defectOf(() => checkSignature(one, by.publicKey)).defect === undefined;
}

/** Returns the defects that a certificate has by itself, as the one at place `i` of the path. */
function defectsOf(
  { der, parts, key }: ReadCertificate,
  i: number,
  isTrusted: boolean,
): CertificateDefect[] {
  const found: CertificateDefect[] = [];
  const add = (kind: CertificateDefectKind, text: string) => found.push({ kind, text });
  const strict = defectOf(() => parseCertificate(der)).defect?.defect;
  if (strict !== undefined) add(...READING[strict] ?? READING.BadEncoding!);
  if (parts === undefined) return found;
  // Trust in the certificate itself is no remedy for these.
  if (key?.isShort) add("short-key", `has a key of ${key.name} bits, which is too short`);
  if (key === undefined) add("unknown-key", "has a key of an unknown kind");
  const { extensions } = parts;
  const role = defectOf(() => checkRole(extensions.basicConstraints, i > 0, Math.max(0, i - 1)));
  if (role.defect !== undefined && !isTrusted) {
    add(...ROLES[role.defect.defect] ?? READING.BadEncoding!);
  }
  const purpose = defectOf(() => checkPurpose(extensions.purposes, "server")).defect;
  if (purpose !== undefined) {
    add("wrong-purpose", i === 0 ? "is not for servers" : "must not issue certificates of servers");
  }
  return found;
}

type Named = readonly [kind: CertificateDefectKind, text: string];

/** The defects of a certificate that a client cannot read. */
const READING: Partial<Record<DefectName, Named>> = {
  BadEncoding: ["malformed", "is malformed"],
  SignatureAlgorithmMismatch: ["malformed", "names two different signature algorithms"],
  UnsupportedCertVersion: ["old-version", "is not of version 3, so nobody can limit its use"],
  UnsupportedCriticalExtension: [
    "critical-extension",
    "has an unknown extension that is marked as critical",
  ],
};

const ROLES: Partial<Record<DefectName, Named>> = {
  CaUsedAsEndEntity: ["authority-as-server", "is that of an authority (CA:TRUE), not of a server"],
  EndEntityUsedAsCa: [
    "not-an-authority",
    "is not that of an authority, but has issued another one",
  ],
  PathLenConstraintViolated: ["path-length", "must not issue certificates of other authorities"],
};

function datesOf({ parts }: ReadCertificate, now: number): CertificateDefect[] {
  if (parts === undefined) return [];
  const { validity } = parts;
  const [start, end] = defectOf(() => readValidity(validity)).value ?? [NaN, NaN];
  switch (defectOf(() => checkValidity(validity, now)).defect?.defect) {
    case undefined:
      return [];
    case "Expired":
      return [{ kind: "expired", text: `expired ${span(now - end)} ago` }];
    case "NotValidYet":
      return [{
        kind: "not-yet-valid",
        text: `is not valid for another ${span(start - now)} (until ${dateOf(start)})`,
      }];
    case "InvalidCertValidity":
      return [{ kind: "expired", text: "has a validity that ends before it starts" }];
    default:
      return [{ kind: "malformed", text: "has malformed dates" }];
  }
}

function dateOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Formats a time span in its largest useful unit: `5 minutes`, `30 hours`, `12 days`. */
export function span(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 100) return count(seconds, "second");
  if (seconds < 100 * 60) return count(Math.round(seconds / 60), "minute");
  const hours = Math.round(seconds / 3600);
  return hours < 48 ? count(hours, "hour") : count(Math.floor(seconds / 86_400), "day");
}

/** Returns the defect of a signature by the key of the issuer, if that is known. */
function defectsOfSignature(
  { parts }: ReadCertificate,
  issuer: Certificate | undefined,
): CertificateDefect[] {
  if (parts === undefined) return [];
  const name = signatureName(parts.algorithm);
  if (/SHA-1|MD/.test(name)) {
    return [{ kind: "weak-signature", text: `is signed by ${name}, which is too weak` }];
  }
  if (issuer === undefined) return [];
  const read = readCertificate(issuer.der);
  // The key of the issuer is reported at the issuer, unless that is not part of the path.
  if (read.key?.isShort) {
    const text = `is signed with a key of ${read.key.name} bits, which is too short`;
    return [{ kind: "short-key", text }];
  }
  switch (defectOf(() => checkSignature(parts, issuer.publicKey)).defect?.defect) {
    case undefined:
      return [];
    case "UnsupportedSignatureAlgorithm":
      return [{ kind: "weak-signature", text: `is signed by ${name}, which is not supported` }];
    default:
      return [{
        kind: "wrong-signature",
        text: `is not signed by the authority that it names (${nameText(parts.issuer)})`,
      }];
  }
}

function wrongName({ parts }: ReadCertificate, host: string): CertificateDefect[] {
  if (parts === undefined) return [];
  const names = namesOf(parts.extensions);
  if (namesMatch(names, host.replace(/%.*$/, ""))) return [];
  const all = [...names.hosts, ...names.addresses];
  if (all.length === 0) {
    const common = nameText(parts.subject);
    const why = common === ""
      ? ""
      : `; the common name (${common}) does not count without subjectAltName`;
    return [{
      kind: "wrong-name",
      text: `contains no host name, so it is not for ${host}${why}`,
    }];
  }
  const { shown, hint } = closestFirst(all, host);
  return [{ kind: "wrong-name", text: `is for ${shown}, not for ${host}${hint}` }];
}

/** Returns the defect of an authority at place `i` that must not certify the names below it. */
function beyond(path: readonly ReadCertificate[], i: number): CertificateDefect[] {
  const below = path.slice(0, i).flatMap(({ parts }) => parts ?? []);
  const constraints = path[i]?.parts?.extensions.nameConstraints;
  return violated(constraints, below) ? [FORBIDDEN] : [];
}

const FORBIDDEN: CertificateDefect = {
  kind: "name-constraint",
  text: "must not certify the names of this server",
};

/** Returns the defect of a path whose names the trusted authority must not certify. */
function beyondAnchor(path: readonly ReadCertificate[], anchor: Certificate): CertificateDefect[] {
  const below = path.flatMap(({ parts }) => parts ?? []);
  if (!violated(anchor.extensions.nameConstraints, below)) return [];
  const text = `leads to ${nameText(anchor.subject)}, which ${FORBIDDEN.text}`;
  return [{ kind: FORBIDDEN.kind, text }];
}

function violated(constraints: Uint8Array | undefined, below: readonly Certificate[]): boolean {
  return defectOf(() => checkNameConstraints(constraints, below)).defect !== undefined;
}

/** Returns why the end of a path is not trusted, if that is the reason for the refusal. */
function endOf(path: readonly ReadCertificate[], refusal: NetError): CertificateDefect[] {
  const { issuer, subject } = path.at(-1)!;
  const isNamed = (name: Uint8Array | undefined) =>
    issuer !== undefined && name !== undefined && sameBytes(issuer, name);
  const selfIssued = isNamed(subject);
  if (selfIssued && path.length === 1) return [{ kind: "self-signed", text: "is self-signed" }];
  // A client stops at the first defect, so it may know the authorities of a chain with other defects.
  if (refusal.tls !== "untrusted") return [];
  if (selfIssued) {
    return [{ kind: "unknown-root", text: "is a root authority that this client does not trust" }];
  }
  const by = nameText(issuer) || "an unknown authority";
  const why = path.some((one) => isNamed(one.subject))
    ? "which it has signed itself: the chain is a loop"
    : "which is not trusted, and which the server does not send";
  return [{ kind: "missing-issuer", text: `is signed by ${by}, ${why}` }];
}
