/** Provisional. @module */
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
  | "aborted"
  | "unsupported"
  | "unknown";
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
export type TlsFailure =
  | "untrusted"
  | "wrong-name"
  | "expired"
  | "not-yet-valid"
  | "not-tls"
  | "client-certificate"
  | "bad-certificate"
  | "version"
  | "handshake"
  | "other";
export interface NetErrorOptions {
  kind: NetErrorKind;
  phase?: NetPhase;
  address?: string;
  code?: string;
  tls?: TlsFailure;
  retryable?: boolean;
  cause?: unknown;
  permission?: string;
}
export class NetError extends Error {
  override readonly name = "NetError";
  readonly kind: NetErrorKind;
  readonly phase: NetPhase;
  readonly retryable: boolean;
  readonly address?: string;
  readonly code?: string;
  readonly tls?: TlsFailure;
  readonly permission?: string;
  constructor(message: string, o: NetErrorOptions) {
    super(message, { cause: o.cause });
    this.kind = o.kind;
    this.phase = o.phase ?? "connect";
    this.retryable = o.retryable ?? false;
    this.address = o.address;
    this.code = o.code;
    this.tls = o.tls;
    this.permission = o.permission;
  }
}
export interface ErrorContext {
  phase?: NetPhase;
  hostname?: string;
  port?: number;
  path?: string;
  address?: string;
}
export function toNetError(error: unknown, c: ErrorContext = {}): NetError {
  if (error instanceof NetError) return error;
  const e = error as Error;
  const kind: NetErrorKind = error instanceof Deno.errors.ConnectionRefused
    ? "refused"
    : error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe
    ? "reset"
    : error instanceof Deno.errors.UnexpectedEof
    ? "truncated"
    : error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource
    ? "closed"
    : error instanceof Deno.errors.InvalidData
    ? "tls"
    : "unknown";
  return new NetError(`${c.phase}: ${e?.message}`, {
    kind,
    phase: c.phase,
    cause: error,
    ...(kind === "tls" ? { tls: "untrusted" as const } : {}),
  });
}
