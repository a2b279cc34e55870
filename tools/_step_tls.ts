/** The step that does a TLS handshake and looks at the certificate. Private to `tools/`. @module */

import { formatAddress } from "../net/address.ts";
import { NetError, type TlsFailure } from "../net/errors.ts";
import { escapeControls } from "../net/text.ts";
import { chainOf, judge } from "./_certificate.ts";
import type { DiagnosedCertificate, TlsStep } from "./_diagnosis.ts";
import { connectSocket, destroy, shakeHands } from "./_phases.ts";
import { count } from "./_text.ts";
import { timed, type Walk } from "./_walk.ts";

/** A certificate that ends sooner is worth a warning. */
const SOON_DAYS = 14;

/** Does the handshake with one address. */
export function tlsStep(walk: Walk, address: string): Promise<TlsStep> {
  const nothing = { chain: [], failures: [] };
  return timed<TlsStep, "tls">(walk, "tls", nothing, async () => {
    const { host, port } = walk.target;
    const where = formatAddress({ hostname: host, port });
    try {
      // Private authorities first; the usual ones if those did not sign it.
      const own = walk.caCerts.length > 0
        ? await inspect(walk, address, where, walk.caCerts)
        : null;
      const found = own === null || own.failures.includes("untrusted")
        ? await inspect(walk, address, where, [])
        : own;
      return { ...found, ...describeCertificate(found.chain[0], found.failures, host) };
    } catch (error) {
      if (!(error instanceof NetError) || error.kind === "permission") throw error;
      return { ...withoutHandshake(error, walk), error, ...nothing };
    }
  });
}

async function inspect(walk: Walk, address: string, where: string, caCerts: readonly string[]) {
  const { host, port } = walk.target;
  const socket = await connectSocket(address, port, walk);
  try {
    const secure = await shakeHands(socket, host, where, {
      ...walk,
      caCerts,
      alpn: ["h2", "http/1.1"],
    });
    try {
      const now = Date.now();
      const { alpnProtocol } = secure;
      return {
        version: secure.getProtocol() ?? undefined,
        cipher: secure.getCipher()?.name,
        alpn: typeof alpnProtocol === "string" ? escapeControls(alpnProtocol) : undefined,
        chain: chainOf(secure, now),
        failures: judge(secure, host, now),
      };
    } finally {
      await destroy(secure);
    }
  } finally {
    await destroy(socket);
  }
}

/** What is wrong with a certificate, in words that follow `its certificate`. */
export function explainFailure(
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
        ? `names no host, and so not ${host}`
        : `is for ${names.slice(0, 3).join(", ")}${more}, not for ${host}`;
    }
    default:
      return own !== undefined && own.issuer === own.subject
        ? `is signed by itself (${own.subject})`
        : `is signed by ${own?.issuer || "somebody"}, whom nobody here trusts`;
  }
}

const ADVICE: Partial<Record<TlsFailure, string>> = {
  expired: "Renew the certificate, and see why that did not happen by itself.",
  "not-yet-valid": "Set the clock of this machine, or wait.",
  "wrong-name": "Get a certificate for this name, or call the host by the name that it is for.",
  untrusted: "Send the whole chain from the server; trust a private authority by --ca FILE.",
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
  if (target.tls === "try" && tls !== "client-certificate" && tls !== "version") {
    return { status: "skipped", text: "speaks no TLS" };
  }
  if (tls === "not-tls") {
    const plain = target.http ? `http://${formatAddress(asPort(target))}/` : "it without TLS";
    return { status: "failed", text: "does not speak TLS on this port", advice: `Try ${plain}.` };
  }
  if (tls === "client-certificate") {
    return {
      status: "failed",
      text: "wants a certificate of the client",
      advice: "It needs mutual TLS.",
    };
  }
  if (tls === "version") {
    return {
      status: "failed",
      text: "speaks no version of TLS from 1.2 up",
      advice: "Bring the server up to TLS 1.2 or 1.3.",
    };
  }
  const text: Record<string, string> = {
    timeout: "does not answer the TLS handshake",
    reset: "breaks the TLS handshake off",
    truncated: "ends the connection within the TLS handshake",
  };
  return {
    status: "failed",
    text: text[kind] ?? error.message,
    advice: "Look into the log of the server; it may speak no TLS on this port.",
  };
}

function asPort({ host, port }: { host: string; port: number }) {
  return { hostname: host, port };
}
