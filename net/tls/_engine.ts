import { requireTlsWraps } from "../internal/tls_machine.ts";
import { anchorsIn } from "../internal/x509/authorities.ts";
import { isAuthority } from "../internal/x509/path.ts";
import { namesOf } from "../internal/x509/names.ts";
import type { TlsClientSettings, TlsSettings } from "./options.ts";

/**
 * Returns whether TLS runs on `node:tls`.
 *
 * @param given The options of one side that require it, and whether they are set. Options of both
 * sides are checked here.
 * @param byDefault Whether it does unless the options select TLS of Deno.
 */
export function runsOnNode(
  options: TlsSettings,
  given: Readonly<Record<string, boolean>>,
  byDefault = false,
): boolean {
  const { engine, minVersion, inspect } = options;
  const all = { ...given, minVersion: minVersion === "TLSv1.3", inspect: inspect === true };
  const needing = Object.entries(all).find(([, isSet]) => isSet)?.[0];
  if (engine === "deno" && needing !== undefined) {
    throw new TypeError(
      `engine must not be "deno" with the option ${needing}, which needs node:tls`,
    );
  }
  return needing !== undefined || (engine === undefined ? byDefault : engine === "node");
}

/**
 * Returns whether TLS of a client runs on `node:tls`.
 *
 * @param given The options of the connection that require it, and whether they are set.
 * @throws {NetError} Of kind "unsupported" if this version of Deno cannot do so.
 */
export function clientRunsOnNode(
  options: TlsClientSettings,
  given: Readonly<Record<string, boolean>>,
): boolean {
  const { cert, pin, caCerts = [] } = options;
  const all = { ...given, cert: cert !== undefined, pin: pin !== undefined };
  const onNode = runsOnNode(options, all, caCerts.some(isServerAndAuthority));
  if (onNode) requireTlsWraps("handshake");
  return onNode;
}

/**
 * Returns whether a trusted certificate is marked as that of an authority, but has the names of a
 * server: `openssl req -x509` makes such ones. TLS of Deno rejects them if a server shows them.
 */
function isServerAndAuthority(pem: string): boolean {
  return anchorsIn([pem]).some((anchor) => {
    const { hosts, addresses } = namesOf(anchor.extensions);
    return isAuthority(anchor) && hosts.length + addresses.length > 0;
  });
}
