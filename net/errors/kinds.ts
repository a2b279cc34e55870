/**
 * The types that classify a failure: its kind, its phase, and the reason of a failed TLS handshake.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** What went wrong. Stable: programs may rely on it. */
export type NetErrorKind =
  | "refused"
  | "timeout"
  | "dns"
  | "unreachable"
  | "reset"
  | "closed"
  | "truncated"
  | "tls"
  | "permission"
  | "address-in-use"
  | "address-unavailable"
  | "descriptor-limit"
  | "limit"
  | "protocol"
  | "reply"
  | "aborted"
  | "usage"
  | "unsupported"
  | "unknown";

/** What was being done when it went wrong. */
export type NetPhase =
  | "resolve"
  | "connect"
  | "handshake"
  | "read"
  | "write"
  | "listen"
  | "accept"
  | "close"
  | "request"
  | "response";

/** Why a TLS handshake failed. */
export type TlsFailure =
  /** No trusted authority has signed the certificate. */
  | "untrusted"
  /** The certificate is for other names. */
  | "wrong-name"
  /** The certificate has expired. */
  | "expired"
  /** The certificate is not valid yet. */
  | "not-yet-valid"
  /** The peer does not speak TLS. */
  | "not-tls"
  /** The peer wants a certificate from us. */
  | "client-certificate"
  /** The peer refused our certificate. */
  | "rejected"
  /** A certificate or key is malformed or unfit. */
  | "bad-certificate"
  /** No protocol version or cipher in common. */
  | "version"
  /** Anything else. */
  | "handshake";

/** What is known where an error is caught. */
export interface ErrorContext {
  /** What was being done. */
  phase?: NetPhase;
  /** The address in words. */
  address?: string;
  /** All addresses that were tried, where a host name has several. */
  addresses?: readonly string[] | undefined;
  /** The host, where there is no `address`. */
  hostname?: string;
  /** The port that belongs to `hostname`. */
  port?: number;
  /** The path of a Unix socket, where there is neither `address` nor `hostname`. */
  path?: string;
  /** The signal that may have ended it: its reason can be any value. */
  signal?: AbortSignal;
}
