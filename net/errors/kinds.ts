/**
 * The types that classify a failure: its kind, its phase, and the reason of a failed TLS handshake.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The kind of a failure. Kinds are stable: programs may rely on them. */
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
  | "multicast"
  | "aborted"
  | "usage"
  | "unsupported"
  | "unknown";

/** The operation during which a failure happened. */
export type NetPhase =
  | "resolve"
  | "connect"
  | "handshake"
  | "read"
  | "write"
  | "listen"
  | "multicast"
  | "accept"
  | "close"
  | "request"
  | "response";

/** The reason of a failed TLS handshake. */
export type TlsFailure =
  /** No trusted authority has signed the certificate. */
  | "untrusted"
  /** The certificate is for other names. */
  | "wrong-name"
  /** The key of the peer is not one of the pinned ones. */
  | "pin"
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

/** Details for {@linkcode toNetError} that the error itself may not have. */
export interface ErrorContext {
  /** The operation that failed. */
  phase?: NetPhase;
  /** The address as text. */
  address?: string;
  /** All addresses that were tried, if a host name has several. */
  addresses?: readonly string[] | undefined;
  /** The host name or IP address, if there is no `address`. */
  hostname?: string;
  /** The port that belongs to `hostname`. */
  port?: number;
  /** The path of a Unix socket, if there is neither `address` nor `hostname`. */
  path?: string;
  /** The signal that may have cancelled the operation. Its reason can be any value. */
  signal?: AbortSignal;
}
