import { NetError, type NetPhase } from "../errors/errors.ts";
import { checkPair } from "../internal/tls_rules.ts";
import { Certificates, isReadable } from "./_server_certificates.ts";
import type { TlsClientSettings, TlsKeyPair, TlsServerSettings } from "./options.ts";

/** Checks combinations of the options of a client, and its certificates. */
export function checkClientTls(options: TlsClientSettings): void {
  checkPem("caCerts", options.caCerts, "handshake");
  checkPair(options);
  const { cert, key } = options;
  if (cert !== undefined && key !== undefined) {
    // For an invalid pair, node:tls of Deno reports that both sides have no version in common.
    new Certificates([{ cert, key }], { subject: "Cannot show cert", phase: "handshake" });
  }
}

/** Checks combinations of the options of a server, and the authorities of clients. */
export function checkServerTls(options: TlsServerSettings): void {
  const { clientAuth = "none", clientCa = [] } = options;
  if (clientAuth !== "none" && clientCa.length === 0) {
    throw new TypeError(`clientAuth "${clientAuth}" requires clientCa to verify certificates`);
  }
  if (clientAuth === "none" && clientCa.length > 0) {
    throw new TypeError('clientCa requires clientAuth "request" or "require"');
  }
  checkPem("clientCa", clientCa, "listen");
}

/** Returns all certificates of a server. The first one is the default. */
export function keyPairsOf(options: TlsServerSettings): TlsKeyPair[] {
  const { cert, key, certFile, keyFile, sni = [] } = options;
  if ((cert === undefined) === (certFile === undefined)) {
    throw new TypeError("TLS requires a certificate: cert and key, or certFile and keyFile");
  }
  if (cert !== undefined && key !== undefined && keyFile === undefined) {
    return [{ cert, key }, ...sni];
  }
  if (certFile !== undefined && keyFile !== undefined && key === undefined) {
    return [{ certFile, keyFile }, ...sni];
  }
  throw new TypeError("The options cert and key, or certFile and keyFile, must be given together");
}

/** Checks certificates. A malformed one would end the process in node:tls of Deno. */
function checkPem(name: string, certificates: readonly string[] = [], phase: NetPhase): void {
  for (const pem of certificates) {
    if (isReadable(pem)) continue;
    const message = `${name} must contain certificates in PEM: an entry is malformed`;
    throw new NetError(message, { kind: "tls", phase, tls: "bad-certificate" });
  }
}
