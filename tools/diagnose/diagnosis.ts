/**
 * The types of a diagnosis, as `diagnose` returns it.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { DnsAnswer } from "../../net/dns/client.ts";
import type { NetError, TlsFailure } from "../../net/errors/errors.ts";
import type { Interface } from "../parsers/interfaces.ts";
import type { PingReport } from "../parsers/ping.ts";
import type { TraceReport } from "../parsers/traceroute.ts";

/** The steps of the way, in their order. */
export type DiagnoseStepName = "interfaces" | "dns" | "ping" | "trace" | "tcp" | "tls" | "http";

/** What came of a step. A warning is worth knowing and stops nothing. */
export type DiagnoseStatus = "ok" | "warning" | "failed" | "skipped";

/** What every step has. */
export interface DiagnosedStep {
  /** What came of it. */
  readonly status: DiagnoseStatus;
  /** The same in words. */
  readonly text: string;
  /** What to do about it, where that is known. */
  readonly advice?: string | undefined;
  /** When it began, in milliseconds from the start of the diagnosis. */
  readonly start: number;
  /** How long it took, in milliseconds. */
  readonly time: number;
  /** What was thrown, where something was. */
  readonly error?: NetError | undefined;
}

/** The interfaces of this machine. */
export interface InterfacesStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "interfaces";
  /** The interfaces. */
  readonly interfaces: readonly Interface[];
}

/** The addresses of the host. */
export interface DnsStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "dns";
  /** What the system's resolver gave, or if it knows nothing, the name servers. */
  readonly addresses: readonly string[];
  /** What name servers answered. */
  readonly answers: readonly (DnsAnswer & { readonly type: string })[];
}

/** Echo requests and their answers. */
export interface PingStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "ping";
  /** What `ping` found. */
  readonly report?: PingReport | undefined;
}

/** The route. */
export interface TraceStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "trace";
  /** What `traceroute` or its like found. */
  readonly report?: TraceReport | undefined;
}

/** A try to connect to one address. */
export interface TcpAttempt {
  /** The address. */
  readonly address: string;
  /** How long it took to connect, or to find out that one cannot, in milliseconds. */
  readonly time: number;
  /** Why it failed; undefined if it did not. */
  readonly error?: NetError | undefined;
}

/** Connecting to each address. */
export interface TcpStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "tcp";
  /** Each address in its order. */
  readonly attempts: readonly TcpAttempt[];
}

/** A certificate of the chain. */
export interface DiagnosedCertificate {
  /** Whose it is: the common name, or the organisation. */
  readonly subject: string;
  /** Who signed it. */
  readonly issuer: string;
  /** The names and addresses that it is for. */
  readonly names: readonly string[];
  /** The first moment of its validity. */
  readonly notBefore: Date;
  /** The last moment of its validity. */
  readonly notAfter: Date;
  /** Whole days until then, negative if it is over. */
  readonly daysLeft: number;
  /** Its SHA-256 fingerprint. */
  readonly fingerprint: string;
}

/** The handshake, and the certificate. */
export interface TlsStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "tls";
  /** The version, e.g. `TLSv1.3`. */
  readonly version?: string | undefined;
  /** The cipher suite. */
  readonly cipher?: string | undefined;
  /** The application protocol that was agreed on. */
  readonly alpn?: string | undefined;
  /** The certificates, the server's own first; authorities as far as they are known. */
  readonly chain: readonly DiagnosedCertificate[];
  /** Everything that is wrong with the certificate. */
  readonly failures: readonly TlsFailure[];
}

/** Times of one exchange, each phase for itself, in milliseconds. */
export interface HttpPhases {
  /** Resolving the name. */
  readonly dns: number;
  /** Connecting. */
  readonly tcp: number;
  /** The TLS handshake; 0 without. */
  readonly tls: number;
  /** From the request to the first byte of the answer. */
  readonly firstByte: number;
  /** From the first byte to the end, or to the first megabyte. */
  readonly body: number;
  /** All of it. */
  readonly total: number;
}

/** One request and its answer. */
export interface HttpExchange {
  /** What was asked for. */
  readonly url: string;
  /** The address that answered. */
  readonly address: string;
  /** The status code. */
  readonly status: number;
  /** The words behind it, escaped. */
  readonly reason: string;
  /** Where it leads, for a redirect. */
  readonly location?: string | undefined;
  /** The name and version of the server's program, if it tells. */
  readonly server?: string | undefined;
  /** How many bytes of the body came. */
  readonly bytes: number;
  /** The times. */
  readonly phases: HttpPhases;
}

/** HTTP, redirects followed. */
export interface HttpStep extends DiagnosedStep {
  /** Which step it is. */
  readonly step: "http";
  /** Each exchange; the last is the one that counts. */
  readonly exchanges: readonly HttpExchange[];
}

/** One step, told apart by `step`. */
export type DiagnoseStep =
  | InterfacesStep
  | DnsStep
  | PingStep
  | TraceStep
  | TcpStep
  | TlsStep
  | HttpStep;

/** Where the way leads. */
export interface DiagnoseTarget {
  /** As it is written: a URL, or host and port. */
  readonly url: string;
  /** The name or address. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** Whether TLS is spoken; `try` where nobody has said so. */
  readonly tls: boolean | "try";
  /** Whether HTTP is spoken; `try` where nobody has said so. */
  readonly http: boolean | "try";
}

/** What was found. */
export interface Diagnosis {
  /** Where the way leads. */
  readonly target: DiagnoseTarget;
  /** Whether the way is open to its end. */
  readonly ok: boolean;
  /** One sentence in plain words. */
  readonly verdict: string;
  /** What to do, where that is known. */
  readonly advice?: string | undefined;
  /** How long an answer took, in milliseconds: of the way itself, without ping and the like. */
  readonly time?: number | undefined;
  /** Each step in its order. */
  readonly steps: readonly DiagnoseStep[];
}
