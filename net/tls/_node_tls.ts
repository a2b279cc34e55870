/**
 * TLS on `node:tls`, for features that TLS of Deno lacks: client certificates on servers, several
 * certificates, reloading, a minimum version, full information about the handshake, and TLS over
 * other transports than TCP connections of Deno.
 *
 * Only `tls.createServer` verifies the certificates of clients. A plain `TLSSocket` of Deno 2.9
 * accepts every certificate.
 */

import tls from "node:tls";
import { formatAddress } from "../address.ts";
import type { UpgradedTransport } from "../connection/options.ts";
import { NetError, type TlsFailure, toNetError } from "../errors/errors.ts";
import type { Certificates } from "./_server_certificates.ts";
import { withDeadline } from "../internal/deadline.ts";
import { closeQuietly } from "../internal/dial.ts";
import { bareName, type DialTlsOptions, handshakeTooLong } from "./_handshake.ts";
import { SocketTransport, TransportDuplex } from "./_node_stream.ts";
import type { PeerCertificate, TlsInfo, TlsVersion, Transport } from "../connection/transport.ts";

/** Options of the server side of a handshake. */
export interface AcceptTlsOptions {
  readonly certificates: Certificates;
  readonly alpnProtocols?: readonly string[] | undefined;
  readonly clientAuth?: "none" | "request" | "require" | undefined;
  readonly clientCa?: readonly string[] | undefined;
  readonly minVersion?: TlsVersion | undefined;
  readonly handshakeTimeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Performs the server side of a handshake over `raw`. On failure it closes `raw`. */
export function acceptTls(raw: Transport, options: AcceptTlsOptions): Promise<UpgradedTransport> {
  const { certificates, alpnProtocols, clientAuth = "none", clientCa } = options;
  const ca = clientCa && { ca: [...clientCa] };
  // Each connection has a server of its own, so its events belong to this connection.
  const server = tls.createServer({
    ...certificates.pick(""),
    ...ca,
    requestCert: clientAuth !== "none",
    // judgeClient() rejects certificates, because it can report the reason.
    rejectUnauthorized: false,
    allowHalfOpen: true,
    minVersion: options.minVersion ?? "TLSv1.2",
    ...(certificates.several && {
      SNICallback: (name: string, done: (error: null, context: tls.SecureContext) => void) =>
        done(null, tls.createSecureContext({ ...certificates.pick(name), ...ca })),
    }),
    ...(alpnProtocols && { ALPNProtocols: [...alpnProtocols] }),
  });
  return handshake(raw, options, (duplex, done, failed) => {
    server.on("secureConnection", done);
    server.on("tlsClientError", failed);
    server.emit("connection", duplex);
  }, (socket, refuse) => {
    const serverName = (socket as { servername?: unknown }).servername;
    const info = {
      ...agreed(socket),
      ...(typeof serverName === "string" && { serverName }),
    };
    return clientAuth === "none" ? info : judgeClient(socket, info, clientAuth, refuse);
  });
}

/** Performs the client side of a handshake over `raw`. On failure it closes `raw`. */
export function dialTls(raw: Transport, options: DialTlsOptions): Promise<UpgradedTransport> {
  const { caCerts, cert, key, alpnProtocols } = options;
  const serverName = bareName(options.serverName);
  let socket: tls.TLSSocket;
  return handshake(raw, options, (duplex, done, failed) => {
    socket = tls.connect({
      socket: duplex,
      // An address must not be sent as the server name (RFC 6066 §3), but it is verified.
      ...(isAddress(serverName) ? { host: serverName } : { servername: serverName }),
      ...(caCerts && { ca: [...tls.rootCertificates, ...caCerts] }),
      ...(cert !== undefined && { cert, key }),
      ...(alpnProtocols && { ALPNProtocols: [...alpnProtocols] }),
      // With a client certificate, node:tls must reject the server before it sends the certificate.
      // Otherwise the code below rejects it, because it can examine the certificate.
      rejectUnauthorized: cert !== undefined,
      minVersion: options.minVersion ?? "TLSv1.2",
    });
    socket.on("secureConnect", () => done(socket));
    socket.on("error", failed);
  }, (socket) => {
    const peerCertificate = describeCertificate(socket);
    if (socket.authorized !== true) throw explain(socket.authorizationError, peerCertificate);
    return { ...agreed(socket), ...(peerCertificate && { peerCertificate }) };
  });
}

type Refuse = (why: string, failure: TlsFailure) => never;

/** Starts TLS over `raw` and waits for the end of the handshake, within its limits. */
async function handshake(
  raw: Transport,
  options: { handshakeTimeout: number; signal?: AbortSignal | undefined; address?: string },
  start: (
    duplex: TransportDuplex,
    done: (socket: tls.TLSSocket) => void,
    failed: (error: unknown) => void,
  ) => void,
  judge: (socket: tls.TLSSocket, refuse: Refuse) => TlsInfo,
): Promise<UpgradedTransport> {
  const { handshakeTimeout: timeout, signal } = options;
  const address = options.address ?? formatAddress(raw.remoteAddr);
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  const refuse = (why: string, tls: TlsFailure): never => {
    const message = `TLS handshake with ${address} failed: ${why}`;
    throw new NetError(message, { kind: "tls", phase: "handshake", address, tls });
  };
  const duplex = new TransportDuplex(raw);
  duplex.on("error", reject);
  // If the peer ends during the handshake, node:tls reports nothing.
  duplex.on("end", () => reject(new Deno.errors.UnexpectedEof("tls handshake eof")));
  try {
    signal?.throwIfAborted();
    start(duplex, resolve, reject);
    const late = () => handshakeTooLong(address, timeout);
    const socket = await withDeadline(promise, timeout, late, signal);
    return { tls: judge(socket, refuse), transport: new SocketTransport(socket, duplex, raw) };
  } catch (error) {
    duplex.destroy();
    closeQuietly(raw);
    if (signal?.aborted) throw signal.reason;
    throw toNetError(error, { phase: "handshake", address });
  }
}

/** Returns the information that both sides have after the handshake. */
function agreed(socket: tls.TLSSocket): TlsInfo {
  const version = socket.getProtocol();
  return {
    alpnProtocol: socket.alpnProtocol || null,
    ...(version !== null && { version: version as TlsVersion, cipher: socket.getCipher().name }),
  };
}

/** Accepts or rejects a client by its certificate. */
function judgeClient(
  socket: tls.TLSSocket,
  info: TlsInfo,
  clientAuth: "request" | "require",
  refuse: Refuse,
): TlsInfo {
  const peerCertificate = describeCertificate(socket);
  if (peerCertificate === undefined) {
    if (clientAuth === "request") return info;
    return refuse("the client showed no certificate", "client-certificate");
  }
  // `authorized` is also true if no certificate was requested, so it is checked last.
  if (socket.authorized !== true) {
    return refuse("the certificate of the client is not trusted", "untrusted");
  }
  return { ...info, peerCertificate };
}

/** Returns the reason why a server's certificate is rejected. Deno has one code for several reasons. */
function explain(found: unknown, shown: PeerCertificate | undefined): Error {
  let code = typeof found === "string" ? found : (found as { code?: string } | null)?.code;
  if (code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE" && shown !== undefined) {
    const now = new Date();
    if (shown.notAfter < now) code = "CERT_HAS_EXPIRED";
    else if (shown.notBefore > now) code = "CERT_NOT_YET_VALID";
  }
  return Object.assign(new Error("", { cause: found }), { code: code ?? "CERT_UNTRUSTED" });
}

function describeCertificate(socket: tls.TLSSocket): PeerCertificate | undefined {
  const shown: tls.PeerCertificate | null | undefined = socket.getPeerCertificate();
  if (shown?.raw === undefined) return undefined;
  const first = (value: string | string[] | undefined) => [value].flat()[0] ?? "";
  return {
    commonName: first(shown.subject?.CN),
    subjectAltName: shown.subjectaltname ?? "",
    issuer: first(shown.issuer?.CN),
    notBefore: new Date(shown.valid_from),
    notAfter: new Date(shown.valid_to),
    fingerprint: shown.fingerprint256,
    serialNumber: shown.serialNumber,
  };
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^\d+(\.\d+){3}$/.test(name);
}
