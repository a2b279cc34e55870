/**
 * TLS on the machine below `node:tls`, for features that TLS of Deno lacks: client certificates on
 * servers, several certificates, reloading, a minimum version, full information about the handshake,
 * and TLS over other transports than TCP connections of Deno.
 */

import { X509Certificate } from "node:crypto";
import tls from "node:tls";
import { formatAddress } from "../address.ts";
import type { UpgradedTransport } from "../connection/options.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import type { Certificates } from "./_server_certificates.ts";
import { withDeadline } from "../internal/deadline.ts";
import { closeQuietly } from "../internal/dial.ts";
import { bareName, type DialTlsOptions, handshakeTooLong } from "./_handshake.ts";
import { TlsMachine } from "./_machine.ts";
import { MachineTransport } from "./_machine_transport.ts";
import type { TlsContext } from "./_tls_wrap.ts";
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
  const { certificates, alpnProtocols, clientAuth = "none", clientCa, minVersion } = options;
  const contextFor = (serverName: string): TlsContext => {
    const { cert, key } = certificates.pick(serverName);
    return {
      cert,
      key,
      ca: clientCa,
      minVersion: minVersion ?? "TLSv1.2",
      requestCert: clientAuth !== "none",
      // The machine rejects a client without a certificate. verifyClient() rejects certificates.
      rejectUnauthorized: clientAuth === "require",
    };
  };
  const create = () =>
    TlsMachine.server({
      context: contextFor(""),
      pick: certificates.several ? contextFor : undefined,
      alpnProtocols,
    });
  return handshake(raw, options, create, clientAuth === "none" ? () => {} : verifyClient);
}

/** Performs the client side of a handshake over `raw`. On failure it closes `raw`. */
export function dialTls(raw: Transport, options: DialTlsOptions): Promise<UpgradedTransport> {
  const { caCerts, cert, key, alpnProtocols, minVersion } = options;
  const serverName = bareName(options.serverName);
  const context: TlsContext = {
    cert,
    key,
    ca: caCerts,
    minVersion: minVersion ?? "TLSv1.2",
    // verifyServer() rejects certificates, because it can report the reason.
    rejectUnauthorized: false,
  };
  const create = () => TlsMachine.client({ context, serverName, alpnProtocols });
  return handshake(raw, options, create, (machine) => verifyServer(machine, serverName));
}

/** Starts TLS over `raw` and waits for the end of the handshake, within its limits. */
async function handshake(
  raw: Transport,
  options: { handshakeTimeout: number; signal?: AbortSignal | undefined; address?: string },
  create: () => TlsMachine,
  verify: (machine: TlsMachine) => void,
): Promise<UpgradedTransport> {
  const { handshakeTimeout: timeout, signal } = options;
  const address = options.address ?? formatAddress(raw.remoteAddr);
  let transport: MachineTransport | undefined;
  try {
    signal?.throwIfAborted();
    const machine = create();
    transport = new MachineTransport(machine, raw);
    const late = () => handshakeTooLong(address, timeout);
    await withDeadline(transport.handshake(verify), timeout, late, signal);
    return { tls: infoOf(machine), transport };
  } catch (error) {
    if (transport === undefined) closeQuietly(raw);
    else transport.close();
    if (signal?.aborted) throw signal.reason;
    throw toNetError(error, { phase: "handshake", address });
  }
}

/** Returns the information that this side has after the handshake. */
function infoOf(machine: TlsMachine): TlsInfo {
  const { alpnProtocol, version, cipher, serverName, peerCertificates: [der] } = machine;
  return {
    alpnProtocol,
    ...(version !== undefined && cipher !== undefined && { version, cipher }),
    ...(serverName !== undefined && { serverName }),
    ...(der !== undefined && { peerCertificate: describeCertificate(new X509Certificate(der)) }),
  };
}

/** Rejects a client whose certificate is not trusted. */
function verifyClient({ peerCertificates, verifyError }: TlsMachine): void {
  if (peerCertificates.length === 0 || verifyError === "") return;
  const message = "the certificate of the client is not trusted";
  throw new NetError(message, { kind: "tls", tls: "untrusted", phase: "handshake" });
}

/** Rejects a server by its certificate. The machine has one code for several reasons. */
function verifyServer({ peerCertificates, verifyError }: TlsMachine, name: string): void {
  const certificate = new X509Certificate(peerCertificates[0]!);
  const refuse = (code: string): never => {
    throw Object.assign(new Error(""), { code });
  };
  if (verifyError === "") {
    const wrong = tls.checkServerIdentity(name, certificate.toLegacyObject());
    return wrong === undefined ? undefined : refuse("ERR_TLS_CERT_ALTNAME_INVALID");
  }
  const now = Date.now();
  if (Date.parse(certificate.validTo) < now) refuse("CERT_HAS_EXPIRED");
  if (Date.parse(certificate.validFrom) > now) refuse("CERT_NOT_YET_VALID");
  refuse(verifyError);
}

function describeCertificate(certificate: X509Certificate): PeerCertificate {
  const { subject, issuer } = certificate.toLegacyObject();
  const first = (value: string | string[] | undefined) => [value].flat()[0] ?? "";
  return {
    commonName: first(subject?.CN),
    subjectAltName: certificate.subjectAltName ?? "",
    issuer: first(issuer?.CN),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    fingerprint: certificate.fingerprint256,
    serialNumber: certificate.serialNumber,
  };
}
