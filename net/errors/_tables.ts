import type { NetErrorKind, NetPhase, TlsFailure } from "./kinds.ts";

/** The classification in one row of a table. */
export interface Row {
  readonly kind: NetErrorKind;
  readonly phase?: NetPhase | undefined;
  readonly tls?: TlsFailure | undefined;
  readonly retryable?: boolean | undefined;
}

/** A name that does not exist. A retry would not help. */
const NO_SUCH_NAME: Row = { kind: "dns", retryable: false };

/** Codes of the operating system, and of Node's resolver, TLS, HTTP parser and streams. */
const CODES: Readonly<Record<string, Row>> = {
  ECONNREFUSED: { kind: "refused" },
  ETIMEDOUT: { kind: "timeout" },
  ESOCKETTIMEDOUT: { kind: "timeout" },
  ENETUNREACH: { kind: "unreachable" },
  EHOSTUNREACH: { kind: "unreachable" },
  ENETDOWN: { kind: "unreachable" },
  EHOSTDOWN: { kind: "unreachable" },
  ECONNRESET: { kind: "reset" },
  ECONNABORTED: { kind: "reset" },
  ENETRESET: { kind: "reset" },
  // macOS, for a write to a connection that is being torn down.
  EPROTOTYPE: { kind: "reset", phase: "write" },
  EPIPE: { kind: "reset", phase: "write" },
  EADDRINUSE: { kind: "address-in-use" },
  EADDRNOTAVAIL: { kind: "address-unavailable" },
  EMFILE: { kind: "descriptor-limit" },
  ENFILE: { kind: "descriptor-limit" },
  EACCES: { kind: "permission" },
  EPERM: { kind: "permission" },
  EINTR: { kind: "closed" },
  ECANCELED: { kind: "closed" },
  EBADF: { kind: "closed" },
  // A socket that is no longer connected.
  ENOTCONN: { kind: "reset" },
  EMSGSIZE: { kind: "limit", phase: "write" },
  EAFNOSUPPORT: { kind: "unsupported" },
  EPROTONOSUPPORT: { kind: "unsupported" },
  ENOTFOUND: NO_SUCH_NAME,
  ENODATA: NO_SUCH_NAME,
  EAI_NONAME: NO_SUCH_NAME,
  EAI_NODATA: NO_SUCH_NAME,
  ESERVFAIL: { kind: "dns" },
  EREFUSED: { kind: "dns" },
  ETIMEOUT: { kind: "timeout", phase: "resolve" },
  ABORT_ERR: { kind: "aborted" },
  ERR_STREAM_PREMATURE_CLOSE: { kind: "truncated" },
  ERR_SOCKET_CLOSED: { kind: "closed" },
  ERR_STREAM_DESTROYED: { kind: "closed" },
  ERR_SOCKET_CONNECTION_TIMEOUT: { kind: "timeout" },
  ERR_TLS_HANDSHAKE_TIMEOUT: { kind: "timeout", phase: "handshake" },
  DEPTH_ZERO_SELF_SIGNED_CERT: { kind: "tls", tls: "untrusted" },
  SELF_SIGNED_CERT_IN_CHAIN: { kind: "tls", tls: "untrusted" },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { kind: "tls", tls: "untrusted" },
  UNABLE_TO_GET_ISSUER_CERT: { kind: "tls", tls: "untrusted" },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { kind: "tls", tls: "untrusted" },
  CERT_UNTRUSTED: { kind: "tls", tls: "untrusted" },
  CERT_HAS_EXPIRED: { kind: "tls", tls: "expired" },
  CERT_NOT_YET_VALID: { kind: "tls", tls: "not-yet-valid" },
  ERR_TLS_CERT_ALTNAME_INVALID: { kind: "tls", tls: "wrong-name" },
  HOSTNAME_MISMATCH: { kind: "tls", tls: "wrong-name" },
  ERR_SSL_WRONG_VERSION_NUMBER: { kind: "tls", tls: "not-tls" },
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: { kind: "tls", tls: "client-certificate" },
  ERR_SSL_UNSUPPORTED_PROTOCOL: { kind: "tls", tls: "version" },
};

const CODE_FAMILIES: ReadonlyArray<readonly [RegExp, Row]> = [
  [/^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|EPROTO)/, { kind: "tls", tls: "handshake" }],
  [/^HPE_/, { kind: "protocol" }],
  [/^EAI_/, { kind: "dns" }],
];

/** Classifies an error by its code. Returns undefined for an unknown code. */
export function byCode(code: string): Row | undefined {
  return Object.hasOwn(CODES, code)
    ? CODES[code]
    : CODE_FAMILIES.find(([family]) => family.test(code))?.[1];
}

/** Error numbers of Windows. Its messages are in the user's language; only the numbers are stable. */
const WINSOCK: Readonly<Record<string, string>> = {
  10004: "EINTR",
  10009: "EBADF",
  10013: "EACCES",
  10024: "EMFILE",
  10040: "EMSGSIZE",
  10043: "EPROTONOSUPPORT",
  10047: "EAFNOSUPPORT",
  10048: "EADDRINUSE",
  10049: "EADDRNOTAVAIL",
  10050: "ENETDOWN",
  10051: "ENETUNREACH",
  10052: "ENETRESET",
  10053: "ECONNABORTED",
  10054: "ECONNRESET",
  10057: "ENOTCONN",
  10060: "ETIMEDOUT",
  10061: "ECONNREFUSED",
  10064: "EHOSTDOWN",
  10065: "EHOSTUNREACH",
  11001: "EAI_NONAME",
  11002: "EAI_AGAIN",
  11003: "EAI_FAIL",
  11004: "EAI_NODATA",
};

/** Returns the code for the Windows error number at the end of a message. */
export function winsockCode(text: string): string | undefined {
  const number = /\(os error (1[01]0\d\d)\)$/.exec(text)?.[1];
  return number === undefined ? undefined : WINSOCK[number];
}

const SYSCALLS: Readonly<Record<string, NetPhase>> = {
  connect: "connect",
  read: "read",
  write: "write",
  listen: "listen",
  bind: "listen",
  accept: "accept",
  getaddrinfo: "resolve",
};

/** Returns the phase that a system call belongs to. */
export function bySyscall(syscall: string): NetPhase | undefined {
  return Object.hasOwn(SYSCALLS, syscall) ? SYSCALLS[syscall] : undefined;
}

/**
 * Messages of rustls, which Deno passes on as text only. The patterns are whole phrases, because
 * certificates and foreign errors may contain any words. The first match counts.
 */
const TLS_MESSAGES: ReadonlyArray<readonly [RegExp, TlsFailure]> = [
  [/invalid peer certificate: (?:certificate not valid for name|NotValidForName)/, "wrong-name"],
  [/invalid peer certificate: UnknownIssuer/, "untrusted"],
  [/invalid peer certificate: (?:certificate expired|Expired)/, "expired"],
  [/invalid peer certificate: (?:certificate not valid yet|NotValidYet)/, "not-yet-valid"],
  [/received corrupt message of type/, "not-tls"],
  [/received fatal alert: CertificateRequired|^peer sent no certificates/, "client-certificate"],
  [
    /received fatal alert: (?:UnknownCA|BadCertificate|UnsupportedCertificate|AccessDenied|Certificate\w+)/,
    "rejected",
  ],
  [
    /received fatal alert: (?:ProtocolVersion|HandshakeFailure|InsufficientSecurity)|\bpeer is incompatible/,
    "version",
  ],
  [/received fatal alert: /, "handshake"],
  [
    /^(?:invalid peer certificate|No certificates found|No keys found|Unable to decode certificate|Unable to add pem file)/,
    "bad-certificate",
  ],
  [
    /^(?:keys may not be consistent|unexpected error: failed to parse private key)/,
    "bad-certificate",
  ],
];

/** Returns the reason in a message about TLS, or undefined if there is none. */
export function tlsByMessage(text: string): TlsFailure | undefined {
  return TLS_MESSAGES.find(([pattern]) => pattern.test(text))?.[1];
}

/**
 * Messages of errors without class and code: those of name resolution, `fetch` and `WebSocket`. The
 * first match counts.
 */
const MESSAGES: ReadonlyArray<readonly [RegExp, Row]> = [
  // The message of macOS, "nodename nor servname provided", is not here: it also appears without a
  // network, so a retry may help.
  [
    /failed to lookup address information: (?:Name or service not known|Name does not resolve|No address associated with hostname)/,
    NO_SUCH_NAME,
  ],
  [/failed to lookup address|dns error/, { kind: "dns" }],
  // WebSocket hides the reason. A refusal is the most frequent one, and a retry may help.
  [/connection refused|tcp connect error$/i, { kind: "refused" }],
  // A missing Unix socket. Other missing files have an error class of their own.
  [/^no such file or directory \(os error 2\)$/i, { kind: "refused" }],
  [/tls handshake eof/i, { kind: "truncated", phase: "handshake" }],
  [
    /connection reset|broken pipe|connection aborted|^(?:stream|connection) error received/i,
    { kind: "reset" },
  ],
  [/network is unreachable|no route to host|host is unreachable/i, { kind: "unreachable" }],
  // Reply codes of a SOCKS proxy (RFC 1928 §6), and other failures of one.
  [/^(?:Network unreachable|Host unreachable|TTL expired)$/, { kind: "unreachable" }],
  [/^unexpected end of file: unexpected end of file$/, { kind: "truncated", phase: "connect" }],
  [
    /^(?:General SOCKS server failure|Connection not allowed by ruleset|Command not supported|Address type not supported|Unknown (?:auth method|address type)|Invalid response version|No acceptable auth methods|Password auth failure.*|unsuccessful tunnel|proxy headers too long for tunnel)$/,
    { kind: "protocol", phase: "connect" },
  ],
  [/too many open files/i, { kind: "descriptor-limit" }],
  [/address already in use/i, { kind: "address-in-use" }],
  [/cannot assign requested address/i, { kind: "address-unavailable" }],
  [/connection timed out|operation timed out|deadline has elapsed/i, { kind: "timeout" }],
  [/requests to port \d+ are blocked/i, { kind: "unsupported", phase: "request" }],
  [/maximum number of redirects/i, { kind: "limit", phase: "response" }],
  [
    /connection closed before message completed|error reading a body from connection|unexpected eof|without sending TLS close_notify/i,
    { kind: "truncated", phase: "response" },
  ],
  [
    /(?:invalid|unexpected) [\w-]+(?: [\w-]+)? parsed|message head is too large|invalid chunk|unexpected end of file|proxy authentication required|invalid status code|error decoding response body|encountered redirect while/i,
    { kind: "protocol", phase: "response" },
  ],
];

/** Classifies an error by its message, if nothing else is known about it. */
export function byMessage(text: string): Row | undefined {
  const tls = tlsByMessage(text);
  if (tls !== undefined) return { kind: "tls", tls };
  return MESSAGES.find(([pattern]) => pattern.test(text))?.[1];
}
