/**
 * Types of the result of `diagnose`.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { DnsAnswer } from "../../net/dns/client.ts";
import type { DnsTraceStep } from "../../net/dns/trace.ts";
import type { NetError, TlsFailure } from "../../net/errors/errors.ts";
import type { Interface } from "../parsers/interfaces.ts";
import type { PingReport } from "../parsers/ping.ts";
import type { TraceReport } from "../parsers/traceroute.ts";

/** Names of the steps, in order. */
export type DiagnoseStepName =
  | "interfaces"
  | "dns"
  | "ping"
  | "trace"
  | "mtu"
  | "tcp"
  | "tls"
  | "http";

/** The result of a step. A warning does not stop the diagnosis. */
export type DiagnoseStatus = "ok" | "warning" | "failed" | "skipped";

/** The properties of every step. */
export interface DiagnosedStep {
  /** The result of the step. */
  readonly status: DiagnoseStatus;
  /** The result as text. */
  readonly text: string;
  /** A remedy, if one is known. */
  readonly advice?: string | undefined;
  /** Start of the step, in milliseconds from the start of the diagnosis. */
  readonly start: number;
  /** Duration of the step, in milliseconds. */
  readonly time: number;
  /** The error, if there was one. */
  readonly error?: NetError | undefined;
}

/** The network interfaces of this machine. */
export interface InterfacesStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "interfaces";
  /** The interfaces. */
  readonly interfaces: readonly Interface[];
}

/** The addresses of the host. */
export interface DnsStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "dns";
  /** The addresses from the resolver of the system, or else from the name servers. */
  readonly addresses: readonly string[];
  /** The answers of the name servers. */
  readonly answers: readonly (DnsAnswer & { readonly type: string })[];
  /** The comparison of two name servers for each type, with `lookUp.compare`. */
  readonly comparisons?: readonly DnsComparison[];
  /** The queries from the root to the answers, with `lookUp.trace`. */
  readonly trace?: readonly DnsTraceQuery[];
}

/** The records of two answers to one question, without their TTLs. */
export interface DnsComparison {
  /** The type of the question. */
  readonly type: string;
  /** Whether both answers have the same code and the same records. */
  readonly equal: boolean;
  /** The servers of both answers. */
  readonly servers: readonly [string, string];
  /** The response codes of both answers. */
  readonly codes: readonly [string, string];
  /** The records that only one of the answers has. */
  readonly only: readonly [readonly string[], readonly string[]];
  /** The records that both answers have. */
  readonly both: readonly string[];
}

/** One query of a trace from the root. */
export interface DnsTraceQuery
  extends
    Pick<DnsTraceStep, "address" | "error" | "next" | "result" | "server" | "signed" | "zone"> {
  /** The type of the question. */
  readonly type: string;
  /** The names of the servers of the next zone. */
  readonly nameServers?: readonly string[];
  /** The response code; undefined without an answer. */
  readonly code?: string;
  /** The duration of the query in milliseconds; undefined without an answer. */
  readonly time?: number;
}

/** Echo requests and their answers. */
export interface PingStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "ping";
  /** The report of `ping`. */
  readonly report?: PingReport | undefined;
}

/** The route to the host. */
export interface TraceStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "trace";
  /** The report of `traceroute` or a similar program. */
  readonly report?: TraceReport | undefined;
}

/** The largest packet that reaches the host (path MTU). */
export interface MtuStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "mtu";
  /** The size in bytes with all headers; undefined if the host does not answer echo requests. */
  readonly size?: number | undefined;
  /** The router that limits the size; undefined if it is this machine, or if no router says so. */
  readonly router?: string | undefined;
  /** Whether larger packets vanish without a report. */
  readonly blackHole?: boolean | undefined;
}

/** An attempt to connect to one address. */
export interface TcpAttempt {
  /** The IP address. */
  readonly address: string;
  /** Time until the connection or the failure, in milliseconds. */
  readonly time: number;
  /** The cause of a failure; undefined after a success. */
  readonly error?: NetError | undefined;
}

/** The connections to each address. */
export interface TcpStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "tcp";
  /** The attempts, in order of the addresses. */
  readonly attempts: readonly TcpAttempt[];
  /** The route to the address that failed; undefined if none did, or if the system does not tell. */
  readonly route?: RouteToHost | undefined;
}

/** The route from this machine to an address. */
export interface RouteToHost {
  /** Whether there is a route. */
  readonly exists: boolean;
  /** The first router; undefined for the local network. */
  readonly gateway?: string;
  /** The interface. */
  readonly device?: string;
  /** The address of this machine on that interface. */
  readonly source?: string;
}

/** A certificate of the chain. */
export interface DiagnosedCertificate {
  /** The subject: the common name, or the organisation. */
  readonly subject: string;
  /** The authority that signed it. */
  readonly issuer: string;
  /** The host names and addresses that it is valid for. */
  readonly names: readonly string[];
  /** Start of the validity. */
  readonly notBefore: Date;
  /** End of the validity. */
  readonly notAfter: Date;
  /** Whole days until the end of the validity; negative after that. */
  readonly daysLeft: number;
  /** The SHA-256 fingerprint. */
  readonly fingerprint: string;
  /** The kind and the size of the key, such as `RSA 2048` or `EC P-256`. */
  readonly key: string;
  /** The algorithm of the signature, such as `RSA with SHA-256`. */
  readonly signature: string;
  /** The pin of the key (RFC 7469 §2.4), for `--pin`; undefined if the certificate is malformed. */
  readonly pin?: string | undefined;
  /** The reasons why clients refuse it; none if they trust the server. */
  readonly defects: readonly CertificateDefect[];
}

/** The kind of a defect of a certificate. */
export type CertificateDefectKind =
  | "expired"
  | "not-yet-valid"
  | "wrong-name"
  | "wrong-purpose"
  | "weak-signature"
  | "wrong-signature"
  | "short-key"
  | "unknown-key"
  | "not-an-authority"
  | "authority-as-server"
  | "path-length"
  | "name-constraint"
  | "critical-extension"
  | "old-version"
  | "malformed"
  | "self-signed"
  | "missing-issuer"
  | "unknown-root";

/** A reason why clients refuse a certificate. */
export interface CertificateDefect {
  /** The kind of the defect. */
  readonly kind: CertificateDefectKind;
  /** The reason as the end of a sentence that begins with the certificate. */
  readonly text: string;
}

/** The TLS handshake and the certificate. */
export interface TlsStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "tls";
  /** The TLS version, e.g. `TLSv1.3`. */
  readonly version?: string | undefined;
  /** The cipher suite. */
  readonly cipher?: string | undefined;
  /** The agreed application protocol (ALPN). */
  readonly alpn?: string | undefined;
  /** The certificates that the server has sent, in the order of their signatures, its own one first. */
  readonly chain: readonly DiagnosedCertificate[];
  /** The kinds of all defects of the certificates, that of `connectTls` first. */
  readonly failures: readonly TlsFailure[];
  /** The greeting of the server before STARTTLS, escaped. */
  readonly greeting?: string | undefined;
}

/** Duration of each phase of one exchange, in milliseconds. Over HTTP/2, connecting counts as the first byte. */
export interface HttpPhases {
  /** Name resolution. */
  readonly dns: number;
  /** TCP connection. */
  readonly tcp: number;
  /** TLS handshake; 0 without TLS. */
  readonly tls: number;
  /** From the request to the first byte of the response. */
  readonly firstByte: number;
  /** From the first byte to the end, or to the time limit. */
  readonly body: number;
  /** Sum of all phases. */
  readonly total: number;
}

/** One request and its response. */
export interface HttpExchange {
  /** The requested URL. */
  readonly url: string;
  /** The address of the server, with its port. */
  readonly address: string;
  /** The status code. */
  readonly status: number;
  /** The reason phrase, escaped. */
  readonly reason: string;
  /** The target of a redirect. */
  readonly location?: string | undefined;
  /** The `Server` header field, if there is one. */
  readonly server?: string | undefined;
  /** The version of HTTP. */
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  /** The header fields of the response in lower case, escaped. */
  readonly headers: Readonly<Record<string, string>>;
  /** The trailer fields, escaped; undefined without any. */
  readonly trailers?: Readonly<Record<string, string>> | undefined;
  /** Number of received bytes of the body, without chunk framing, after decompression. */
  readonly bytes: number;
  /** Whether the whole body was read. Reading stops at 16 MiB, and after the time limit. */
  readonly complete: boolean;
  /** The duration of each phase. */
  readonly phases: HttpPhases;
}

/** The HTTP request and its redirects. */
export interface HttpStep extends DiagnosedStep {
  /** The name of the step. */
  readonly step: "http";
  /** All exchanges. The last one decides the result. */
  readonly exchanges: readonly HttpExchange[];
}

/** A protocol whose connections begin without TLS and change to it. */
export type StartTlsProtocol = "smtp" | "imap" | "pop3" | "ftp" | "postgres";

/** One step; `step` tells its type. */
export type DiagnoseStep =
  | InterfacesStep
  | DnsStep
  | PingStep
  | TraceStep
  | MtuStep
  | TcpStep
  | TlsStep
  | HttpStep;

/** The target of a diagnosis. */
export interface DiagnoseTarget {
  /** The target as text: a URL, or a host and port. */
  readonly url: string;
  /** The host name or address. */
  readonly host: string;
  /** The port number. */
  readonly port: number;
  /** Whether the port speaks TLS; `try` means that the diagnosis must detect it. */
  readonly tls: boolean | "try";
  /** Whether the port speaks HTTP; `try` means that the diagnosis must detect it. */
  readonly http: boolean | "try";
  /** The protocol that the connection begins with before TLS; undefined for none. */
  readonly startTls?: StartTlsProtocol | undefined;
}

/** The result of a diagnosis. */
export interface Diagnosis {
  /** The target of the diagnosis. */
  readonly target: DiagnoseTarget;
  /** Whether the complete path works. */
  readonly ok: boolean;
  /** The result in one sentence. */
  readonly verdict: string;
  /** A remedy, if one is known. */
  readonly advice?: string | undefined;
  /** Time to the answer in milliseconds, without steps such as ping. */
  readonly time?: number | undefined;
  /** The steps, in order. */
  readonly steps: readonly DiagnoseStep[];
}
