import type { NetError } from "../../net/errors/errors.ts";
import type {
  CertificateDefectKind,
  DiagnosedCertificate,
  DiagnoseStatus,
  TlsStep,
} from "../diagnose/diagnosis.ts";
import { failureOf } from "./judge_chain.ts";
import { count } from "./text.ts";

/** Remaining days of a certificate below which there is a warning. */
const SOON_DAYS = 14;
const DAY = 86_400_000;

/** Remedies for the certificate of the server. */
const ADVICE: Readonly<Record<CertificateDefectKind, string>> = {
  "expired": "Renew the certificate, and check why the automatic renewal failed.",
  "not-yet-valid": "Set the clock of this machine, or wait.",
  "wrong-name": "Get a certificate for this name, or use a name of the certificate.",
  "wrong-purpose": "Get a certificate for servers (extended key usage serverAuth).",
  "weak-signature": "Get a certificate that is signed with SHA-256 or better.",
  "wrong-signature": "Configure the server with the chain that belongs to its certificate. " +
    "A new authority may have the name of an old one.",
  "short-key": "Make a new key: RSA of 2048 bits or more, ECDSA P-256 or Ed25519.",
  "unknown-key": "Make a new key: RSA of 2048 bits or more, ECDSA P-256 or Ed25519.",
  "not-an-authority": "Sign with a certificate of an authority (basicConstraints CA:TRUE).",
  "authority-as-server": "Get a certificate with basicConstraints CA:FALSE, or trust this one " +
    "with --ca FILE if it contains the name.",
  "path-length": "Get an authority whose path length allows it, or sign with the one above.",
  "name-constraint": "Get a certificate from an authority that may certify these names.",
  "critical-extension": "Get a certificate without this extension.",
  "old-version": "Get a certificate of version 3 with subjectAltName.",
  "malformed": "Get a new certificate, and check it with openssl x509 -text.",
  "self-signed": "Get a certificate of an authority, or trust this one with --ca FILE.",
  "unknown-root": "Trust this private authority with --ca FILE.",
  "missing-issuer":
    "Configure the server to send its complete chain, or trust a private authority " +
    "with --ca FILE.",
};

/** Remedies for an authority of the chain that differ from those above. */
const AUTHORITY_ADVICE: Partial<Record<CertificateDefectKind, string>> = {
  "expired": "Configure the server to send the current certificate of this authority.",
  "wrong-purpose": "Get a certificate of an authority for servers.",
  "weak-signature": "Configure the server to send a chain with SHA-256 or better.",
  "short-key": "Get a certificate of an authority with a longer key.",
  "unknown-key": "Get a certificate of an authority with another kind of key.",
};

/** Returns the findings as a sentence, and a remedy. */
export function describeChain(
  { chain, failures }: Pick<TlsStep, "chain" | "failures">,
  refusal: NetError | undefined,
  host: string,
): { status: DiagnoseStatus; text: string; advice?: string | undefined } {
  if (refusal !== undefined) return explain(chain, refusal);
  const [own] = chain;
  if (own === undefined || failures.length > 0) return { status: "ok", text: "no certificate" };
  const text = `certificate of ${own.issuer || "?"} for ${host}, ${
    count(own.daysLeft, "day")
  } left`;
  const [first] = [...chain].filter(isEnding).sort((a, b) => a.daysLeft - b.daysLeft);
  if (first === undefined) return { status: "ok", text };
  const left = count(first.daysLeft, "day");
  return {
    status: "warning",
    text: first === own ? text : `${text}; the authority ${first.subject} has ${left} left`,
    advice: first === own
      ? `Renew the certificate within ${left}.`
      : `Replace the certificate of the authority within ${left}.`,
  };
}

/** Returns whether a certificate ends soon: in two weeks, or in the last third of a short life. */
function isEnding({ daysLeft, notBefore, notAfter }: DiagnosedCertificate): boolean {
  const life = (notAfter.getTime() - notBefore.getTime()) / DAY;
  return daysLeft >= 0 && daysLeft < Math.min(SOON_DAYS, life / 3);
}

function explain(
  chain: readonly DiagnosedCertificate[],
  refusal: NetError,
): { status: DiagnoseStatus; text: string; advice: string | undefined } {
  const found = chain.flatMap(({ defects, subject }, i) =>
    defects.map(({ kind, text }) => ({ kind, text, i, subject }))
  );
  const told = found.map(({ kind }) => failureOf(kind));
  if (refusal.tls === "pin" || refusal.tls === undefined || !told.includes(refusal.tls)) {
    const sentence = refusal.message.replace(/^TLS handshake failed with \S+: /, "");
    return {
      status: "failed",
      text: sentence.startsWith("its ")
        ? sentence.replace("its", "the")
        : `the server: ${sentence}`,
      advice: refusal.tls === "pin" ? "Compare the pin with the owner of the server." : undefined,
    };
  }
  // The defects of the certificate of the server come first, then those of its authorities.
  const parts = new Map<number, string[]>();
  for (const { i, text } of found) parts.set(i, [...parts.get(i) ?? [], text]);
  const text = [...parts].map(([i, texts]) =>
    `${i === 0 ? "the certificate" : `the authority ${chain[i]!.subject || "without a name"}`} ${
      texts.join(", and ")
    }`
  ).join("; ");
  const { kind, i } = found.find(({ kind }) => failureOf(kind) === refusal.tls)!;
  const advice = i > 0 ? AUTHORITY_ADVICE[kind] ?? ADVICE[kind] : ADVICE[kind];
  return { status: "failed", text, advice };
}
