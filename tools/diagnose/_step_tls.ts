import type { Connection } from "../../net/connection/connection.ts";
import type { Transport } from "../../net/connection/transport.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { withDeadline } from "../../net/internal/deadline.ts";
import { probeTls, type TlsProbe } from "../../net/tls/internal/probe.ts";
import { escapeControls } from "../../net/text.ts";
import { describeChain } from "../internal/describe_chain.ts";
import type { TlsStep } from "./diagnosis.ts";
import { explainHandshake } from "./_failed_handshake.ts";
import { judgeChain } from "../internal/judge_chain.ts";
import { readTls12Certificates } from "../internal/tls12_certificates.ts";
import { openConnection, type Site, siteText } from "./_open_connection.ts";
import { startTls } from "./_starttls.ts";
import { timed, type Walk } from "./_timed_step.ts";

/** The findings of a handshake. */
type Examined =
  & Pick<TlsStep, "version" | "cipher" | "alpn" | "chain" | "failures" | "greeting" | "time">
  & {
    /** The reason why clients do not trust the server. */
    readonly refusal: NetError | undefined;
    /** The reason why there is no connection. */
    readonly failure: NetError | undefined;
  };

const NOTHING = { chain: [], failures: [] } as const;

/**
 * Does the handshake with one address and checks the certificates. In TLS 1.3, a server rejects a
 * missing client certificate after the handshake (RFC 8446 section 4.4.2.4). With `last`, the step
 * waits for that a moment, because no request follows.
 */
export function tlsStep(walk: Walk, address: string, last: boolean): Promise<TlsStep> {
  return timed<TlsStep, "tls">(walk, "tls", NOTHING, async () => {
    try {
      const { refusal, failure, ...found } = await examine(walk, walk.target, address, last);
      const error = refusal ?? failure;
      if (refusal !== undefined || failure === undefined) {
        return { ...found, error, ...describeChain(found, refusal, walk.target.host) };
      }
      return { ...found, error, ...await explainHandshake(walk, address, failure, found.chain) };
    } catch (error) {
      if (!(error instanceof NetError) || error.kind === "permission") throw error;
      return { ...await explainHandshake(walk, address, error, []), error, ...NOTHING };
    }
  });
}

/** Returns the defects of the certificate of a redirect target; undefined if there are none. */
export async function describeTrouble(
  walk: Walk,
  site: Site,
  address: string,
): Promise<{ text: string; advice: string | undefined } | undefined> {
  // The client certificate and the pins are for the first server.
  const other: Walk = {
    ...walk,
    target: { ...walk.target, startTls: undefined, http: true },
    cert: undefined,
    key: undefined,
    pin: [],
  };
  const found = await examine(other, site, address, false);
  if (found.refusal === undefined) return undefined;
  const { text, advice } = describeChain(found, found.refusal, site.host);
  return { text: text.replace(/^the /, ""), advice };
}

async function examine(
  walk: Walk,
  site: Site,
  address: string,
  last: boolean,
): Promise<Examined> {
  const { caCerts, cert, key, pin, timeout, signal, target } = walk;
  const begun = performance.now();
  const { raw, greeting } = await openForTls(walk, site, address);
  const probe = await probeTls(raw, {
    serverName: site.host,
    handshakeTimeout: timeout,
    signal,
    address: siteText(site),
    cert,
    key,
    ...(caCerts.length > 0 && { caCerts }),
    ...(pin.length > 0 && { pin }),
    ...(target.http !== false && { alpnProtocols: ["h2", "http/1.1"] }),
  });
  const time = performance.now() - begun;
  try {
    const patience = last && probe.failure === undefined ? Math.min(2 * time + 20, timeout) : 0;
    const late = patience === 0 ? undefined : await refusedLater(probe.transport, patience, site);
    signal?.throwIfAborted();
    const { version, cipher, alpnProtocol } = probe;
    const { peerCertificates, refusal, failure } = isUnreadable(probe)
      ? await lookInTls12(walk, site, address)
      : probe;
    const expected = { host: site.host, caCerts, refusal, pinned: pin.length > 0, now: Date.now() };
    return {
      time,
      version,
      cipher,
      alpn: alpnProtocol === null ? undefined : escapeControls(alpnProtocol),
      ...judgeChain(peerCertificates, expected),
      ...(greeting !== undefined && { greeting }),
      refusal,
      failure: failure ?? late,
    };
  } finally {
    probe.transport.close();
  }
}

/** Opens a connection on which TLS can begin. */
async function openForTls(
  walk: Walk,
  site: Site,
  address: string,
): Promise<{ raw: Transport; greeting: string | undefined }> {
  const { timeout, signal, target: { startTls: protocol } } = walk;
  const conn = await openConnection(walk, site, address);
  try {
    const greeting = protocol === undefined
      ? undefined
      : await startTls(conn, protocol, { timeout, ...(signal && { signal }) });
    return { raw: detached(conn), greeting };
  } catch (error) {
    conn.abort(error);
    throw error;
  }
}

/** Returns whether the handshake failed by a certificate that the library does not read at all. */
function isUnreadable({ failure, peerCertificates }: TlsProbe): boolean {
  return peerCertificates.length === 0 &&
    (failure?.tls === "untrusted" || failure?.tls === "bad-certificate");
}

/**
 * Reads the certificates in another way. `connectTls` calls the certificate of such a server bad, whoever
 * has signed it.
 */
async function lookInTls12(
  walk: Walk,
  site: Site,
  address: string,
): Promise<Pick<TlsProbe, "failure" | "peerCertificates" | "refusal">> {
  const where = siteText(site);
  const failure = new NetError(
    `TLS handshake failed with ${where}: its certificate has a key or an extension of an unknown kind`,
    { kind: "tls", phase: "handshake", address: where, tls: "bad-certificate" },
  );
  const { raw } = await openForTls(walk, site, address);
  try {
    const peerCertificates = await readTls12Certificates(raw, site.host, walk);
    return {
      failure,
      peerCertificates,
      refusal: peerCertificates.length > 0 ? failure : undefined,
    };
  } catch {
    walk.signal?.throwIfAborted();
    // A server of TLS 1.3 alone shows its certificate only in a handshake.
    return { failure, peerCertificates: [], refusal: undefined };
  } finally {
    raw.close();
  }
}

/** Returns the transport of a connection that has no unread bytes. */
function detached(conn: Connection): Transport {
  const { transport, buffered } = conn.detach();
  if (buffered.length === 0) return transport;
  transport.close();
  throw new NetError("sends bytes before the TLS handshake", {
    kind: "protocol",
    phase: "handshake",
    address: conn.peer,
  });
}

/** Waits for an alert after the handshake; undefined if none comes. */
async function refusedLater(
  transport: Transport,
  patience: number,
  site: Site,
): Promise<NetError | undefined> {
  const reading = transport.read(new Uint8Array(1));
  ignoreFailure(reading);
  try {
    await withDeadline(reading, patience, () => new Error("no alert"));
  } catch (error) {
    const known = toNetError(error, { phase: "handshake", address: siteText(site) });
    if (known.kind === "tls") return known;
  }
  return undefined;
}
