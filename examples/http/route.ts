/** The flags for the way to a server, of the HTTP client and the WebSocket client. @module */

import { PIN_FORM, readPin } from "../../net/internal/x509/pin.ts";
import { badValue, CliError, type Flags, readPem } from "../../tools/cli.ts";

/** The flags for the certificates, the proxy and the socket. */
export const ROUTE_FLAGS = {
  ca: { type: "list", placeholder: "file", help: "Authority to trust as well, PEM" },
  cert: { type: "string", placeholder: "file", help: "Client certificate, PEM; needs --key" },
  key: { type: "string", placeholder: "file", help: "Private key of --cert, PEM" },
  pin: {
    type: "list",
    placeholder: "pin",
    help: "Key or certificate of the server: sha256/BASE64, or a fingerprint in hex",
  },
  proxy: {
    type: "string",
    alias: "x",
    placeholder: "url",
    help: "Proxy: http, https or socks5, with credentials; none for no proxy",
  },
  unixSocket: { type: "string", placeholder: "file", help: "Unix socket to connect to" },
} as const satisfies Flags;

/** The values of these flags. */
export interface RouteValues {
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly pin: readonly string[];
  readonly proxy?: string | undefined;
  readonly unixSocket?: string | undefined;
}

/** Options of a client for the way to a server. */
interface Route {
  readonly caCerts: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly pin?: readonly string[];
  readonly proxy?: string | false;
  readonly unixSocket?: string;
}

/** Checks the flags, reads the files that they name, and returns the options of a client. */
export async function routeOf(
  { ca, cert, key, pin, proxy, unixSocket }: RouteValues,
): Promise<Route> {
  if ((cert === undefined) !== (key === undefined)) {
    throw new CliError("--cert and --key go together", 2);
  }
  const bad = pin.find((one) => readPin(one) === undefined);
  if (bad !== undefined) throw badValue("--pin", bad, PIN_FORM);
  if (proxy !== undefined && unixSocket !== undefined) {
    throw new CliError("--unix-socket and --proxy exclude each other", 2);
  }
  return {
    caCerts: await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE"))),
    ...cert !== undefined && { cert: await readPem(cert, "CERTIFICATE") },
    ...key !== undefined && { key: await readPem(key, "PRIVATE KEY") },
    ...pin.length > 0 && { pin },
    ...proxy !== undefined && { proxy: proxy === "none" ? false : proxyUrl(proxy) },
    ...unixSocket !== undefined && { unixSocket },
  };
}

/** Returns the URL of a proxy, which is one of `http:` without a scheme. The error shows no password. */
function proxyUrl(text: string): string {
  const url = text.includes("://") ? text : `http://${text}`;
  if (/^(?:https?|socks5h?):$/.test(URL.parse(url)?.protocol ?? "")) return url;
  throw badValue("--proxy", text.includes("@") ? "…" : text, "a URL of http, https or socks5");
}
