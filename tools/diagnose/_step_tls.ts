import type { Connection } from "../../net/connection/connection.ts";
import type { Transport } from "../../net/connection/transport.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { withDeadline } from "../../net/internal/deadline.ts";
import { probeTls } from "../../net/tls/internal/probe.ts";
import { escapeControls } from "../../net/text.ts";
import { describeChain } from "../internal/describe_chain.ts";
import type { TlsStep } from "./diagnosis.ts";
import { explainHandshake } from "./_failed_handshake.ts";
import { judgeChain } from "../internal/judge_chain.ts";
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
      const error = failure ?? refusal;
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
  const conn = await openConnection(walk, site, address);
  let greeting: string | undefined;
  let raw: Transport;
  try {
    if (target.startTls !== undefined) {
      greeting = await startTls(conn, target.startTls, { timeout, ...(signal && { signal }) });
    }
    raw = detached(conn);
  } catch (error) {
    conn.abort(error);
    throw error;
  }
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
    const { version, cipher, alpnProtocol, peerCertificates, refusal } = probe;
    const expected = { host: site.host, caCerts, refusal, pinned: pin.length > 0, now: Date.now() };
    return {
      time,
      version,
      cipher,
      alpn: alpnProtocol === null ? undefined : escapeControls(alpnProtocol),
      ...judgeChain(peerCertificates, expected),
      ...(greeting !== undefined && { greeting }),
      refusal,
      failure: probe.failure ?? late,
    };
  } finally {
    probe.transport.close();
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
