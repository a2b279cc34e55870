import type { TlsFailure } from "../errors/kinds.ts";

/** The descriptions of the alerts that this package composes (RFC 8446 §6). */
export const ALERTS = {
  handshake_failure: 40,
  bad_certificate: 42,
  certificate_expired: 45,
  unknown_ca: 48,
  decode_error: 50,
  protocol_version: 70,
  certificate_required: 116,
} as const;

/** The name of an alert. */
export type AlertName = keyof typeof ALERTS;

const FAILURES: Readonly<Partial<Record<TlsFailure, AlertName>>> = {
  "untrusted": "unknown_ca",
  "wrong-name": "bad_certificate",
  "pin": "bad_certificate",
  "expired": "certificate_expired",
  "not-yet-valid": "certificate_expired",
  "not-tls": "decode_error",
  "client-certificate": "certificate_required",
  "bad-certificate": "bad_certificate",
  "version": "protocol_version",
};

/** Returns the alert that tells the peer why this side refuses the handshake. */
export function alertFor(failure: TlsFailure | undefined): AlertName {
  return failure === undefined ? "handshake_failure" : FAILURES[failure] ?? "handshake_failure";
}

/**
 * Encodes a fatal alert as a record without encryption (RFC 8446 §5.1, §6). A peer takes it until
 * it has received the first encrypted record.
 */
export function encodeAlert(name: AlertName): Uint8Array<ArrayBuffer> {
  const [ALERT, FATAL] = [21, 2];
  return Uint8Array.of(ALERT, 3, 3, 0, 2, FATAL, ALERTS[name]);
}
