import { anchorsIn, isAuthority } from "../internal/x509/path.ts";
import { namesOf } from "../internal/x509/names.ts";
import type { TlsClientSettings, TlsSettings } from "./options.ts";

/**
 * Returns whether TLS runs on `node:tls`.
 *
 * @param beyond Whether options of one side require it. Options of both sides are checked here.
 * @param byDefault Whether it does unless the options select TLS of Deno.
 */
export function runsOnNode(options: TlsSettings, beyond: boolean, byDefault = false): boolean {
  const { engine, minVersion, inspect } = options;
  const needed = beyond || minVersion === "TLSv1.3" || inspect === true;
  if (engine === "deno" && needed) {
    throw new TypeError('engine must not be "deno" with options that require node:tls');
  }
  return needed || (engine === undefined ? byDefault : engine === "node");
}

/**
 * Returns whether TLS of a client runs on `node:tls`.
 *
 * @param beyond Whether options of the connection require it.
 */
export function clientRunsOnNode(options: TlsClientSettings, beyond: boolean): boolean {
  const { cert, pin, caCerts = [] } = options;
  const needed = beyond || cert !== undefined || pin !== undefined;
  return runsOnNode(options, needed, caCerts.some(isServerAndAuthority));
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
