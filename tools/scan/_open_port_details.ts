import { toNetError } from "../../net/errors/errors.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { escapeControls } from "../../net/text.ts";
import { dial } from "../../net/internal/dial.ts";
import { probeTls } from "../../net/tls/internal/probe.ts";
import { describeCertificate, readCertificate } from "../internal/certificate.ts";

/** Most bytes of a banner. */
const BANNER = 256;

/** The result of a TLS handshake. */
export interface ScannedTls {
  /** The version, e.g. `TLSv1.3`. */
  readonly protocol: string;
  /** The agreed application protocol (ALPN). */
  readonly alpn?: string;
  /** The subject of the certificate, which is not verified. */
  readonly subject?: string;
  /** The host names and addresses of the certificate. */
  readonly names?: readonly string[];
  /** The time from which the certificate is valid. */
  readonly notBefore?: Date;
  /** The time until which the certificate is valid. */
  readonly notAfter?: Date;
  /** Whole days until the certificate expires; negative after that. */
  readonly daysLeft?: number;
}

/** Reads the first line from a server, escaped; undefined if the server sends none. */
export async function readBanner(
  hostname: string,
  port: number,
  timeout: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const limits = { timeout, ...(signal && { signal }) };
  try {
    await using conn = await connectTcp({ hostname, port, lingerTimeout: 0, ...limits });
    const buffer = new Uint8Array(BANNER);
    const n = await conn.read(buffer, limits);
    if (n === null || n === 0) return undefined;
    const [line = ""] = new TextDecoder().decode(buffer.subarray(0, n)).split(/\r?\n/, 1);
    return line === "" ? undefined : escapeControls(line);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Does a handshake without verifying the certificate; undefined if the port does not support TLS. */
export async function readTls(
  host: string,
  hostname: string,
  port: number,
  timeout: number,
  signal?: AbortSignal,
): Promise<ScannedTls | undefined> {
  try {
    const raw = await dial({ hostname, port, timeout, ...(signal && { signal }) });
    const found = await probeTls(raw, {
      serverName: host,
      caCerts: [],
      alpnProtocols: ["h2", "http/1.1"],
      handshakeTimeout: timeout,
      signal,
    });
    found.transport.close();
    if (found.failure !== undefined) return undefined;
    const { version = "", alpnProtocol, peerCertificates: [der] } = found;
    return {
      protocol: version,
      ...(alpnProtocol !== null && { alpn: escapeControls(alpnProtocol) }),
      ...(der !== undefined && describeOwn(der)),
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (toNetError(error).kind === "permission") throw error;
    return undefined;
  }
}

function describeOwn(der: Uint8Array): Omit<ScannedTls, "alpn" | "protocol"> {
  const found = describeCertificate(readCertificate(der), Date.now());
  const { subject, names, notBefore, notAfter, daysLeft } = found;
  return { subject, names, notBefore, notAfter, daysLeft };
}
