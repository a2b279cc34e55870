import type tls from "node:tls";
import type { TlsFailure } from "../../net/errors/errors.ts";
import { anchorsIn } from "../../net/internal/x509/authorities.ts";
import { parseCertificate } from "../../net/internal/x509/certificate.ts";
import { asDefect } from "../../net/internal/x509/defect.ts";
import { checkPath } from "../../net/internal/x509/path.ts";
import { namesMatch, readNames } from "../../net/internal/x509/names.ts";
import { escapeControls } from "../../net/text.ts";
import type { DiagnosedCertificate } from "../diagnose/diagnosis.ts";

const DAY = 86_400_000;
const MAX_CHAIN = 10;

/** Returns the known chain of a server. Its own certificate is the first. */
export function chainOf(socket: tls.TLSSocket, now: number): DiagnosedCertificate[] {
  return rawChain(socket).map((shown) => ({
    subject: nameOf(shown.subject),
    issuer: nameOf(shown.issuer),
    names: namesOf(shown).map(escapeControls),
    notBefore: new Date(shown.valid_from),
    notAfter: new Date(shown.valid_to),
    daysLeft: Math.floor((Date.parse(shown.valid_to) - now) / DAY),
    fingerprint: shown.fingerprint256,
  }));
}

function rawChain(socket: tls.TLSSocket): tls.DetailedPeerCertificate[] {
  const chain: tls.DetailedPeerCertificate[] = [];
  const seen = new Set<string>();
  let next = shownBy(socket);
  while (next?.raw !== undefined && !seen.has(next.fingerprint256) && chain.length < MAX_CHAIN) {
    seen.add(next.fingerprint256);
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Returns the certificate of a server, without the others if one of them is malformed. */
function shownBy(socket: tls.TLSSocket): tls.DetailedPeerCertificate | undefined {
  try {
    return socket.getPeerCertificate(true);
  } catch {
    return socket.getPeerCertificate() as tls.DetailedPeerCertificate;
  }
}

function namesOf({ raw }: tls.PeerCertificate): string[] {
  const { hosts, addresses } = readNames(raw);
  return [...hosts, ...addresses];
}

function nameOf(subject: tls.Certificate | undefined): string {
  const first = (value: string | string[] | undefined) => [value].flat()[0];
  return escapeControls(first(subject?.CN) ?? first(subject?.O) ?? "");
}

/**
 * Returns all defects of a certificate. The TLS of Deno reports only one, sometimes without a name.
 *
 * @param caCerts The only authorities to trust; those of the system if there are none.
 */
export function judge(
  socket: tls.TLSSocket,
  host: string,
  now: number,
  caCerts: readonly string[],
): TlsFailure[] {
  const chain = rawChain(socket);
  const [own] = chain;
  if (own === undefined) return ["handshake"];
  const failures: TlsFailure[] = [];
  if (!(Date.parse(own.valid_to) >= now)) failures.push("expired");
  if (Date.parse(own.valid_from) > now) failures.push("not-yet-valid");
  const dated = failures.length > 0;
  if (!namesMatch(readNames(own.raw), host)) failures.push("wrong-name");
  // An outdated certificate is also reported as untrusted. Then the end of its chain decides.
  const isRefused = !socket.authorized && (!dated || (isTrustFailure(socket) && !rooted(chain)));
  if (isRefused || (caCerts.length > 0 && !leadsTo(caCerts, chain, now))) {
    failures.push("untrusted");
  }
  return failures;
}

/**
 * Returns whether a chain leads to one of some authorities. `node:tls` of Deno 2.9 compares only names if
 * a certificate of the chain is malformed. The dates of the server's certificate are checked elsewhere.
 */
function leadsTo(
  caCerts: readonly string[],
  [own, ...others]: readonly tls.DetailedPeerCertificate[],
  now: number,
): boolean {
  const time = Math.min(Math.max(now, Date.parse(own!.valid_from)), Date.parse(own!.valid_to));
  try {
    const ders = others.map(({ raw }) => raw);
    checkPath(parseCertificate(own!.raw), ders, anchorsIn(caCerts), "server", time);
    return true;
  } catch (error) {
    asDefect(error);
    return false;
  }
}

function isTrustFailure(socket: tls.TLSSocket): boolean {
  const found: unknown = socket.authorizationError;
  const code = typeof found === "string" ? found : (found as { code?: string } | null)?.code ?? "";
  return /VERIFY|ISSUER|SELF_SIGNED|UNTRUSTED/.test(code);
}

/** Returns whether the chain ends at a trusted root. Servers seldom send it, so it is from the store. */
function rooted(chain: readonly tls.DetailedPeerCertificate[]): boolean {
  const last = chain.at(-1);
  return last !== undefined && chain.length > 1 && nameOf(last.subject) === nameOf(last.issuer);
}
