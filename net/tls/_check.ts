import { NetError, type NetPhase } from "../errors/errors.ts";
import { Certificates, isReadable } from "./_certificates.ts";
import type { TlsClientSettings, TlsKeyPair, TlsServerSettings, TlsSettings } from "./options.ts";

/** Checks what the rules for single options do not see. */
export function checkClientTls(options: TlsClientSettings): void {
  checkPem("caCerts", options.caCerts, "handshake");
  const { cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot use cert without key, nor key without cert");
  }
  if (cert !== undefined && key !== undefined) {
    // Deno's node:tls says of such a pair that there is no version in common.
    new Certificates([{ cert, key }], { subject: "Cannot show cert", phase: "handshake" });
  }
}

/** Checks what the rules for single options do not see. */
export function checkServerTls(options: TlsServerSettings): void {
  const { clientAuth = "none", clientCa = [] } = options;
  if (clientAuth !== "none" && clientCa.length === 0) {
    throw new TypeError("Cannot ask for client certificates without clientCa to verify them");
  }
  if (clientAuth === "none" && clientCa.length > 0) {
    throw new TypeError('Cannot use clientCa alone: set clientAuth to "request" or "require"');
  }
  checkPem("clientCa", clientCa, "listen");
}

/** All certificates of a server, the one for clients that ask for none of them first. */
export function keyPairsOf(options: TlsServerSettings): TlsKeyPair[] {
  const { cert, key, certFile, keyFile, sni = [] } = options;
  if ((cert === undefined) === (certFile === undefined)) {
    throw new TypeError(
      "Cannot use TLS without a certificate: set cert and key, or certFile and keyFile",
    );
  }
  if (cert !== undefined && key !== undefined && keyFile === undefined) {
    return [{ cert, key }, ...sni];
  }
  if (certFile !== undefined && keyFile !== undefined && key === undefined) {
    return [{ certFile, keyFile }, ...sni];
  }
  throw new TypeError("Cannot use cert without key, nor certFile without keyFile");
}

/**
 * Whether TLS runs on `node:tls`: because Deno's own cannot do what the options ask for (`beyond`
 * says so for what only one side knows), because they name it, or `byDefault`.
 */
export function runsOnNode(options: TlsSettings, beyond: boolean, byDefault = false): boolean {
  const { engine, minVersion, inspect } = options;
  const needed = beyond || minVersion === "TLSv1.3" || inspect === true;
  if (engine === "deno" && needed) {
    throw new TypeError('Cannot use engine "deno" together with options that run on node:tls');
  }
  return needed || (engine === undefined ? byDefault : engine === "node");
}

/** Checks that certificates can be read: a malformed one ends the process in Deno's node:tls. */
function checkPem(name: string, certificates: readonly string[] = [], phase: NetPhase): void {
  for (const pem of certificates) {
    if (isReadable(pem)) continue;
    const message = `Cannot use an entry of ${name}: it is not readable as PEM`;
    throw new NetError(message, { kind: "tls", phase, tls: "bad-certificate" });
  }
}
