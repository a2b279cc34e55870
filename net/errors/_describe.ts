import type { NetErrorKind, NetPhase, TlsFailure } from "./kinds.ts";
import { tried } from "../internal/tried_text.ts";
import type { Classified } from "./_classify.ts";
import { certificateDefect } from "./_certificate_defects.ts";
import { tlsSentence } from "./_tls_sentences.ts";

/** The most frequent phase of each kind. It is the default. */
export const PHASES: Readonly<Record<NetErrorKind, NetPhase>> = {
  "refused": "connect",
  "timeout": "connect",
  "dns": "resolve",
  "unreachable": "connect",
  "reset": "read",
  "closed": "close",
  "truncated": "read",
  "tls": "handshake",
  "permission": "connect",
  "address-in-use": "listen",
  "address-unavailable": "listen",
  "descriptor-limit": "connect",
  "limit": "read",
  "protocol": "read",
  "reply": "response",
  "multicast": "multicast",
  "aborted": "connect",
  "usage": "connect",
  "unsupported": "connect",
  "unknown": "connect",
};

/** Kinds without a typical phase. If the phase is unknown, the message does not mention one. */
const ANYWHERE: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "permission",
  "limit",
  "protocol",
  "reply",
  "aborted",
  "usage",
  "unsupported",
  "unknown",
]);

const SUBJECTS: Readonly<Record<NetPhase, readonly [string, string]>> = {
  resolve: ["Cannot resolve", ""],
  connect: ["Cannot connect", " to"],
  handshake: ["TLS handshake failed", " with"],
  read: ["Cannot read", " from"],
  write: ["Cannot write", " to"],
  listen: ["Cannot listen", " on"],
  multicast: ["Multicast failed", " for"],
  accept: ["Cannot accept", " on"],
  close: ["Connection ended", " to"],
  request: ["Request failed", " to"],
  response: ["Response failed", " of"],
};

const REASONS: Readonly<Partial<Record<NetErrorKind, string>>> = {
  "refused": "connection refused",
  "timeout": "timed out",
  "dns": "unknown host name",
  "unreachable": "network unreachable",
  "reset": "the peer reset the connection",
  "closed": "the connection is closed on this side",
  "truncated": "the peer ended in the middle",
  "address-in-use": "the address is in use",
  "address-unavailable": "this machine has no such address",
  "multicast": "the system refuses the group",
  "descriptor-limit": "too many open files; raise the limit with ulimit -n",
  "aborted": "aborted",
};

const TLS_REASONS: Readonly<Record<TlsFailure, string>> = {
  "untrusted": "its certificate is not signed by a trusted authority",
  "wrong-name": "its certificate is for another name",
  "pin": "its key is not an expected one",
  "expired": "its certificate has expired",
  "not-yet-valid": "its certificate is not valid yet",
  "not-tls": "the peer does not speak TLS",
  "client-certificate": "the peer wants a client certificate",
  "rejected": "the peer refused the certificate of this side",
  "bad-certificate": "a certificate or key is malformed",
  "version": "the peers have no TLS version or cipher in common",
  "handshake": "the handshake failed",
};

/** Returns the message of an error. Untrusted text in the arguments must be escaped already. */
export function describe(
  found: Classified,
  known?: NetPhase,
  address?: string,
  addresses?: readonly string[],
): string {
  const phase = known ?? PHASES[found.kind];
  const why = reason(found, phase);
  if (known === undefined && address === undefined && ANYWHERE.has(found.kind)) {
    // The original message of another error keeps its first letter.
    return why === found.detail ? why : `${why.charAt(0).toUpperCase()}${why.slice(1)}`;
  }
  const [verb, preposition] = SUBJECTS[phase];
  const subject = address === undefined ? verb : `${verb}${preposition} ${address}`;
  return `${subject}: ${why}${tried(addresses)}`;
}

/** Reads and writes come after the handshake, but may fail by the same rules of TLS. */
function tlsReason(tls: TlsFailure = "handshake", phase: NetPhase): string {
  const isOver = phase === "read" || phase === "write";
  return tls === "handshake" && isOver ? "TLS failed" : TLS_REASONS[tls];
}

function reason(found: Classified, phase: NetPhase): string {
  const { kind, code, tls, permission, detail } = found;
  const because = detail === "" ? "" : ` (${detail})`;
  // node:tls of Deno also uses this code for expired certificates.
  if (code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE") {
    return `its certificate cannot be verified: no trusted authority, or not valid now${because}`;
  }
  if (kind === "dns" && (code === "EAI_AGAIN" || /temporary failure/i.test(detail))) {
    return "unknown host name, no name server answers";
  }
  if (kind === "refused" && code === "ENOENT") return "there is no such socket";
  if (kind === "address-unavailable" && code === "ENOENT") return "there is no such folder";
  if (kind === "tls") {
    const defect = phase === "listen" ? undefined : certificateDefect(detail);
    return defect ?? (tlsSentence(detail) ?? tlsReason(tls, phase)) + because;
  }
  if (kind === "permission") {
    return permission === undefined
      ? `the system does not allow it${because}`
      : `permission is missing, run again with ${permission}`;
  }
  if (kind === "closed" && (phase === "listen" || phase === "accept")) {
    return "the listener is closed";
  }
  return REASONS[kind] ?? (detail === "" ? "no reason was given" : detail);
}
