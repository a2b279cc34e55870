import type { TlsSettings } from "./options.ts";

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
