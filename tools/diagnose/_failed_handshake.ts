import type { NetError } from "../../net/errors/errors.ts";
import type { Greeting } from "../internal/greeting.ts";
import type { DiagnosedCertificate, DiagnoseStatus } from "./diagnosis.ts";
import { proxyFailure, siteText } from "./_open_connection.ts";
import { sniff } from "./_sniff.ts";
import type { Walk } from "./_timed_step.ts";

/** The meaning of a failed handshake. */
interface Explained {
  readonly status: DiagnoseStatus;
  readonly text: string;
  readonly advice?: string | undefined;
}

/** The advice for a server that requires a client certificate. */
export const CLIENT_CERTIFICATE = "The server accepts only clients with a known certificate " +
  "(mutual TLS). Give one with --cert FILE and --key FILE.";

/** The advice for a server that does not accept the client certificate. */
export const OTHER_CERTIFICATE =
  "The server may not accept the certificate of --cert. Ask its owner " +
  "which authority must sign it, and for which purpose.";

/** The kinds of failures that a server without TLS causes: it waits for a command, or gives up. */
const MAYBE_PLAIN: ReadonlySet<string> = new Set(["timeout", "reset", "truncated"]);

/** Explains a handshake that failed for another reason than the trust in the certificate. */
export async function explainHandshake(
  walk: Walk,
  address: string,
  error: NetError,
  chain: readonly DiagnosedCertificate[],
): Promise<Explained> {
  const { kind, tls, message } = error;
  const { target } = walk;
  const failed = (text: string, advice?: string): Explained => ({ status: "failed", text, advice });
  const reason = message.replace(/^TLS handshake failed with \S+: /, "");
  const byProxy = proxyFailure(walk, error);
  if (byProxy !== undefined) return failed(byProxy.text, byProxy.advice);
  if (target.startTls !== undefined && chain.length === 0 && kind !== "tls") {
    const advice = kind === "unsupported"
      ? "Enable TLS in the configuration of the server, or use its port for implicit TLS."
      : kind === "protocol" || kind === "limit"
      ? "Check the port, and the scheme of the URL."
      : undefined;
    // Whatever fails before the handshake is about the protocol in which it is agreed on.
    const texts = error.phase === "handshake" ? TEXTS : COMMAND_TEXTS;
    return failed(texts[kind] ?? reason, advice);
  }
  if (tls === "not-tls" || MAYBE_PLAIN.has(kind)) {
    if (target.tls === "try") return { status: "skipped", text: "does not speak TLS" };
    const greeting = target.startTls === undefined ? await sniff(walk, target, address) : undefined;
    if (greeting !== undefined && greeting.protocol !== "TLS") return plain(walk, greeting);
    if (tls === "not-tls") {
      return failed("does not speak TLS on this port", `Try ${tryPlain(walk)}.`);
    }
  }
  if (isAboutClient(error, chain)) {
    return walk.cert === undefined
      ? failed("requires a client certificate", CLIENT_CERTIFICATE)
      : failed(`refuses the certificate of this client: ${reason}`, OTHER_CERTIFICATE);
  }
  // The handshake takes certificates of unknown authorities, so its key cannot be used.
  if (tls === "untrusted" || tls === "bad-certificate") {
    return failed(
      "shows a certificate that is too weak or of an unknown type",
      "Make a new key: RSA of 2048 bits or more, ECDSA P-256 or Ed25519, with SHA-256.",
    );
  }
  if (/neither TLS 1\.2 nor|does not support a TLS version|ProtocolVersion/.test(message)) {
    return failed(
      "does not support TLS 1.2 or later",
      "Update the server to TLS 1.2 or 1.3.",
    );
  }
  if (/HandshakeFailure/.test(message)) {
    return failed(
      "refuses the TLS handshake",
      "There is no common cipher, or the server requires a client certificate.",
    );
  }
  if (/UnrecognisedName/.test(message)) {
    return failed(
      `does not serve the name ${target.host}`,
      "Check the name, or the virtual hosts of the server.",
    );
  }
  const advice = "Check the log of the server. It may not speak TLS on this port.";
  if (kind === "tls") return failed(`fails the TLS handshake: ${reason}`, CHECK_LOG);
  return failed(TEXTS[kind] ?? reason, advice);
}

const CHECK_LOG = "Check the log of the server.";

/** Descriptions of the kinds that are not about TLS itself. */
const TEXTS: Readonly<Record<string, string>> = {
  refused: "refuses another connection",
  timeout: "does not answer the TLS handshake",
  reset: "resets the connection during the TLS handshake",
  truncated: "ends the connection during the TLS handshake",
};

/** The same before a handshake by STARTTLS. */
const COMMAND_TEXTS: Readonly<Record<string, string>> = {
  refused: "refuses another connection",
  timeout: "sends no complete reply before STARTTLS",
  reset: "resets the connection before STARTTLS",
  truncated: "ends the connection before STARTTLS",
  limit: "sends a line that is too long before STARTTLS",
};

/**
 * Returns whether a server refuses the certificate of this side, or its absence. An alert of TLS 1.2 does
 * not say so, but it comes after the certificate of the server, when version and cipher are agreed on.
 */
function isAboutClient({ tls, message }: NetError, chain: readonly unknown[]): boolean {
  if (tls === "client-certificate" || tls === "rejected") return true;
  return chain.length > 0 &&
    /received fatal alert: (?:HandshakeFailure|BadCertificate)/.test(message);
}

/** Explains a port that greets in another protocol. */
function plain(walk: Walk, { protocol, detail, scheme }: Greeting): Explained {
  const text = "does not speak TLS on this port";
  const who = detail === "" ? protocol : `${protocol} (${detail})`;
  const advice = protocol === "HTTP" || protocol === "HTTP/2"
    ? `Try ${tryPlain(walk)}.`
    : scheme !== undefined
    ? `It speaks ${who}. Try ${scheme}://${siteText(walk.target)}, which begins with STARTTLS.`
    : `It speaks ${who}. Check the port.`;
  return { status: "failed", text: protocol === "HTTP" ? text : `${text}: it is ${who}`, advice };
}

function tryPlain({ target }: Walk): string {
  return target.http ? `http://${siteText(target)}/` : "it without TLS";
}
