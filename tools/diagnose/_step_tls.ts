import { formatAddress } from "../../net/address.ts";
import { NetError, type TlsFailure, toNetError } from "../../net/errors/errors.ts";
import { escapeControls } from "../../net/text.ts";
import { chainOf, judge } from "../internal/certificate.ts";
import type { DiagnosedCertificate, TlsStep } from "./diagnosis.ts";
import { connectSocket, destroy, shakeHands } from "../internal/connection_phases.ts";
import { count } from "../internal/text.ts";
import { timed, type Walk } from "./_timed_step.ts";

/** Remaining days of a certificate below which there is a warning. */
const SOON_DAYS = 14;

/**
 * Does the handshake with one address and checks the certificate. In TLS 1.3, a server rejects a
 * missing client certificate after the handshake (RFC 8446 section 4.4.2.4). With `last`, the step
 * waits for that a moment, because no request follows.
 */
export function tlsStep(walk: Walk, address: string, last: boolean): Promise<TlsStep> {
  const nothing = { chain: [], failures: [] };
  return timed<TlsStep, "tls">(walk, "tls", nothing, async () => {
    const { host } = walk.target;
    try {
      const found = await examine(walk, walk.target, address, last);
      const { chain: [own], failures, error } = found;
      return error !== undefined && failures.length === 0
        ? { ...found, ...withoutHandshake(error, walk) }
        : { ...found, ...describeCertificate(own, failures, host) };
    } catch (error) {
      if (!(error instanceof NetError) || error.kind === "permission") throw error;
      return { ...withoutHandshake(error, walk), error, ...nothing };
    }
  });
}

/** The server whose certificate is checked. */
interface Site {
  readonly host: string;
  readonly port: number;
}

/** Returns the defects of the certificate of a redirect target; undefined if there are none. */
export async function describeTrouble(
  walk: Walk,
  site: Site,
  address: string,
): Promise<{ text: string; advice: string | undefined } | undefined> {
  const { chain: [own], failures } = await examine(walk, site, address, false);
  if (failures.length === 0) return undefined;
  const { text, advice } = describeCertificate(own, failures, site.host);
  return { text: text.replace(/^the /, ""), advice };
}

/** Checks against the private authorities first, then against the usual ones. */
async function examine(walk: Walk, site: Site, address: string, last: boolean) {
  const own = walk.caCerts.length > 0
    ? await inspect(walk, site, address, walk.caCerts, last)
    : null;
  return own === null || own.failures.includes("untrusted")
    ? await inspect(walk, site, address, [], last)
    : own;
}

async function inspect(
  walk: Walk,
  { host, port }: Site,
  address: string,
  caCerts: readonly string[],
  last: boolean,
) {
  const begun = performance.now();
  const socket = await connectSocket(address, port, walk);
  try {
    const where = formatAddress({ hostname: host, port });
    const refused = Promise.withResolvers<unknown>();
    let seen: Pick<TlsStep, "version" | "cipher" | "alpn" | "chain" | "failures"> | undefined;
    const secure = await shakeHands(socket, host, where, {
      ...walk,
      caCerts,
      alpn: ["h2", "http/1.1"],
      look(shown) {
        shown.once("error", refused.resolve);
        const now = Date.now();
        const { alpnProtocol } = shown;
        seen = {
          version: shown.getProtocol() ?? undefined,
          cipher: shown.getCipher()?.name,
          alpn: typeof alpnProtocol === "string" ? escapeControls(alpnProtocol) : undefined,
          chain: chainOf(shown, now),
          failures: judge(shown, host, now, caCerts),
        };
      },
    });
    const time = performance.now() - begun;
    try {
      const patience = last ? Math.min(2 * time + 20, walk.timeout) : 0;
      const wait = setTimeout(refused.resolve, patience);
      const thrown = await refused.promise;
      clearTimeout(wait);
      const error = thrown === undefined
        ? undefined
        : toNetError(thrown, { phase: "handshake", address: where });
      return { ...seen!, error: error?.kind === "tls" ? error : undefined, time };
    } finally {
      await destroy(secure);
    }
  } finally {
    await destroy(socket);
  }
}

/** Returns a defect of a certificate as text that follows `its certificate`. */
function explainFailure(
  failure: TlsFailure,
  own: DiagnosedCertificate | undefined,
  host: string,
): string {
  const days = Math.abs(own?.daysLeft ?? 0);
  switch (failure) {
    case "expired":
      return days <= 1 ? "expired less than a day ago" : `expired ${count(days - 1, "day")} ago`;
    case "not-yet-valid": {
      const wait = ((own?.notBefore.getTime() ?? 0) - Date.now()) / 86_400_000;
      return wait < 1
        ? "is not valid before tomorrow"
        : `is not valid for another ${count(Math.ceil(wait), "day")}`;
    }
    case "wrong-name": {
      const names = own?.names ?? [];
      const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
      return names.length === 0
        ? `contains no host name, so it is not for ${host}`
        : `is for ${names.slice(0, 3).join(", ")}${more}, not for ${host}`;
    }
    default:
      return own !== undefined && own.issuer === own.subject
        ? `is self-signed (${own.subject || "without a name"})`
        : `is signed by ${own?.issuer || "an unknown authority"}, which is not trusted`;
  }
}

/** The advice for a server that requires a client certificate. */
export const CLIENT_CERTIFICATE =
  "The server accepts only clients with a known certificate (mutual TLS).";

const ADVICE: Partial<Record<TlsFailure, string>> = {
  expired: "Renew the certificate, and check why the automatic renewal failed.",
  "not-yet-valid": "Set the clock of this machine, or wait.",
  "wrong-name": "Get a certificate for this name, or use a name of the certificate.",
  untrusted:
    "Configure the server to send its complete chain, or trust a private authority with --ca FILE.",
};

function describeCertificate(
  own: DiagnosedCertificate | undefined,
  failures: readonly TlsFailure[],
  host: string,
): Pick<TlsStep, "status" | "text" | "advice"> {
  const [first] = failures;
  if (first !== undefined) {
    const text = failures.map((failure) => explainFailure(failure, own, host)).join(", and ");
    return { status: "failed", text: `the certificate ${text}`, advice: ADVICE[first] };
  }
  const left = own?.daysLeft ?? 0;
  const text = `certificate of ${own?.issuer || "?"} for ${host}, ${count(left, "day")} left`;
  return left < SOON_DAYS
    ? { status: "warning", text, advice: `Renew the certificate within ${count(left, "day")}.` }
    : { status: "ok", text };
}

function withoutHandshake(
  error: NetError,
  { target }: Walk,
): Pick<TlsStep, "status" | "text" | "advice"> {
  const { kind, tls } = error;
  // The handshake accepts unknown authorities, so here the key or the signature is unsuitable.
  if (tls === "untrusted") {
    return {
      status: "failed",
      text: "shows a certificate that is too weak or of an unknown type",
      advice: "Make a new key: RSA of 2048 bits or more, ECDSA P-256 or Ed25519, with SHA-256.",
    };
  }
  // A server that sends an alert does speak TLS.
  const alert = /_ALERT_/.test(error.code ?? "");
  if (target.tls === "try" && !alert) return { status: "skipped", text: "does not speak TLS" };
  if (tls === "not-tls") {
    const plain = target.http ? `http://${formatAddress(asPort(target))}/` : "it without TLS";
    return { status: "failed", text: "does not speak TLS on this port", advice: `Try ${plain}.` };
  }
  if (tls === "client-certificate") {
    return {
      status: "failed",
      text: "requires a client certificate",
      advice: CLIENT_CERTIFICATE,
    };
  }
  if (tls === "version") {
    return /PROTOCOL/.test(error.code ?? "")
      ? {
        status: "failed",
        text: "does not support TLS 1.2 or later",
        advice: "Update the server to TLS 1.2 or 1.3.",
      }
      : {
        status: "failed",
        text: "refuses the TLS handshake",
        advice: "There is no common cipher, or the server requires a client certificate.",
      };
  }
  const text: Record<string, string> = {
    timeout: "does not answer the TLS handshake",
    reset: "resets the connection during the TLS handshake",
    truncated: "ends the connection during the TLS handshake",
  };
  return {
    status: "failed",
    text: text[kind] ?? error.message,
    advice: "Check the log of the server. It may not speak TLS on this port.",
  };
}

function asPort({ host, port }: { host: string; port: number }) {
  return { hostname: host, port };
}
