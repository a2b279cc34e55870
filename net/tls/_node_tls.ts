/**
 * TLS on the machine below `node:tls`, for features that TLS of Deno lacks: client certificates on
 * servers, several certificates, reloading, a minimum version, full information about the handshake,
 * and TLS over other transports than TCP connections of Deno.
 */

import { X509Certificate } from "node:crypto";
import { formatAddress } from "../address.ts";
import { parseAnchor } from "../internal/x509/certificate.ts";
import { textOf } from "../internal/x509/names.ts";
import type { UpgradedTransport } from "../connection/options.ts";
import { toNetError } from "../errors/errors.ts";
import type { Certificates } from "./_server_certificates.ts";
import { withDeadline } from "../internal/deadline.ts";
import { closeQuietly } from "../internal/dial.ts";
import { bareName, type DialTlsOptions, handshakeTooLong, nameToVerify } from "./_handshake.ts";
import { TlsMachine } from "../internal/tls_machine.ts";
import { MachineTransport } from "./_machine_transport.ts";
import type { TlsContext } from "../internal/tls_wrap.ts";
import { verifyPeer, verifyPin } from "./_verify.ts";
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
      // The machine rejects a client without a certificate, and verifyPeer() one with a wrong one.
      rejectUnauthorized: clientAuth === "require",
    };
  };
  const create = () =>
    TlsMachine.server({
      context: contextFor(""),
      pick: certificates.several ? contextFor : undefined,
      alpnProtocols,
    });
  return handshake(raw, options, create, (machine) => {
    // Without clientAuth no certificate is requested.
    if (machine.peerCertificates.length === 0) return;
    verifyPeer(machine, { authorities: clientCa, purpose: "client" });
  });
}

/** Performs the client side of a handshake over `raw`. On failure it closes `raw`. */
export function dialTls(raw: Transport, options: DialTlsOptions): Promise<UpgradedTransport> {
  const { create, verify } = clientSide(options, addressOf(raw, options));
  return handshake(raw, options, create, verify);
}

/**
 * Returns a function that makes the machine of a client, and one that throws if the server is not the
 * expected one.
 */
export function clientSide(options: DialTlsOptions, address: string): {
  create: () => TlsMachine;
  verify: (machine: TlsMachine) => void;
} {
  const { caCerts, cert, key, alpnProtocols, minVersion, pin } = options;
  let serverName: string;
  const context: TlsContext = {
    cert,
    key,
    ca: caCerts,
    minVersion: minVersion ?? "TLSv1.2",
    // verifyPeer() rejects certificates, because it knows the reason.
    rejectUnauthorized: false,
  };
  return {
    create() {
      serverName = nameToVerify(options.serverName);
      return TlsMachine.client({ context, serverName, alpnProtocols });
    },
    verify(machine) {
      if (pin !== undefined) verifyPin(machine, [pin].flat(), address);
      else verifyPeer(machine, { authorities: caCerts, purpose: "server", name: serverName });
    },
  };
}

/** Starts TLS over `raw` and waits for the end of the handshake, within its limits. */
async function handshake(
  raw: Transport,
  options: { handshakeTimeout: number; signal?: AbortSignal | undefined; address?: string },
  create: () => TlsMachine,
  verify: (machine: TlsMachine) => void,
): Promise<UpgradedTransport> {
  const { handshakeTimeout: timeout, signal } = options;
  const address = addressOf(raw, options);
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

/** Returns the address for messages. */
export function addressOf(raw: Transport, { address }: { readonly address?: string }): string {
  return address ?? formatAddress(raw.remoteAddr);
}

/** Returns the information that this side has after the handshake. */
function infoOf(machine: TlsMachine): TlsInfo {
  const { alpnProtocol, version, cipher, serverName, peerCertificates: [der] } = machine;
  return {
    alpnProtocol,
    ...(version !== undefined && cipher !== undefined && { version, cipher }),
    ...(serverName !== undefined && { serverName: bareName(serverName) }),
    ...(der !== undefined && { peerCertificate: describeCertificate(der) }),
  };
}

function describeCertificate(der: Uint8Array): PeerCertificate {
  const certificate = new X509Certificate(der);
  const { subject, issuer } = certificate.toLegacyObject();
  const first = (value: string | string[] | undefined) => [value].flat()[0] ?? "";
  return {
    commonName: first(subject?.CN),
    // Deno does not quote names, so that one of "a, DNS:b" would be taken for two.
    subjectAltName: textOf(parseAnchor(der).extensions),
    issuer: first(issuer?.CN),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    fingerprint: certificate.fingerprint256,
    serialNumber: certificate.serialNumber,
  };
}
