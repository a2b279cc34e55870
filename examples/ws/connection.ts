/** The settings of the WebSocket client, from its flags. @module */

import type { ConnectWebSocketOptions } from "../../ws/client/options.ts";
import { pairs } from "../http/arguments.ts";
import { checkProtocols, checkUrl } from "./arguments.ts";
import { badValue, CliError, type Flags, readPem } from "../../tools/cli.ts";

/** The flags for connections. */
export const CONNECTION_FLAGS = {
  connectTimeout: { type: "duration", default: "10s", help: "Time limit for connecting" },
  header: { type: "list", placeholder: "name: value", help: "Header field of the handshake" },
  protocol: { type: "list", placeholder: "name", help: "Subprotocol to offer" },
  ca: { type: "list", placeholder: "file", help: "Authority to trust as well, PEM" },
  cert: { type: "string", placeholder: "file", help: "Client certificate, PEM; needs --key" },
  key: { type: "string", placeholder: "file", help: "Private key of --cert, PEM" },
  pin: { type: "list", placeholder: "sha256/…", help: "Pin of the server's certificate" },
  proxy: { type: "string", placeholder: "url", help: "Proxy: http, https or socks5; or none" },
  unixSocket: { type: "string", placeholder: "file", help: "Unix socket to connect to" },
  maxRedirects: { type: "integer", default: 0, min: 0, max: 100, help: "Redirects followed" },
  compress: { type: "boolean", help: "Offer to compress messages" },
} as const satisfies Flags;

/** A pin of a public key in base64, or of a certificate in hexadecimal digits. */
const PIN = /^(?:sha256\/\/?[A-Za-z0-9+/]{43}=|[0-9a-f]{64}|[0-9a-f]{2}(?::[0-9a-f]{2}){31})$/i;

/** The values of these flags. */
export interface ConnectionValues {
  readonly connectTimeout: number;
  readonly header: readonly string[];
  readonly protocol: string[];
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly pin: readonly string[];
  readonly proxy: string | undefined;
  readonly unixSocket: string | undefined;
  readonly maxRedirects: number;
  readonly compress: boolean;
}

/** Returns the options of a client for a URL. Reads the files that the flags name. */
export async function connectionOf(
  url: string,
  { ca, cert, key, pin, proxy, unixSocket, ...values }: ConnectionValues,
): Promise<ConnectWebSocketOptions> {
  checkUrl(url);
  checkProtocols(values.protocol);
  if ((cert === undefined) !== (key === undefined)) {
    throw new CliError("--cert and --key go together", 2);
  }
  if (proxy !== undefined && unixSocket !== undefined) {
    throw new CliError("--unix-socket and --proxy exclude each other", 2);
  }
  for (const one of pin) {
    if (!PIN.test(one)) {
      throw badValue("--pin", one, "like sha256/BASE64, or 64 hexadecimal digits");
    }
    if (!/^(wss|https):/i.test(url)) throw new CliError("--pin requires a wss URL", 2);
  }
  return {
    caCerts: await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE"))),
    ...cert !== undefined && { cert: await readPem(cert, "CERTIFICATE") },
    ...key !== undefined && { key: await readPem(key, "PRIVATE KEY") },
    ...pin.length > 0 && { pin },
    ...proxy !== undefined && { proxy: proxy === "none" ? false : checkProxy(proxy) },
    ...unixSocket !== undefined && { unixSocket },
    headers: pairs("header", values.header, /^([^:]+):\s*(.*)$/s),
    protocols: values.protocol,
    timeout: values.connectTimeout,
    maxRedirects: values.maxRedirects,
    compression: values.compress,
  };
}

/** Returns the URL of a proxy. The error does not show a password. */
function checkProxy(url: string): string {
  if (/^(?:https?|socks5h?):$/.test(URL.parse(url)?.protocol ?? "")) return url;
  throw badValue("--proxy", url.includes("@") ? "…" : url, "a URL of http, https or socks5");
}
