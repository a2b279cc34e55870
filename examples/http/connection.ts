/** The connection settings of the HTTP client, from its flags. @module */

import type { HttpClientOptions } from "../../http/client/client.ts";
import { badValue, readPem } from "../../tools/cli.ts";

/** The flags for the connection. */
export interface ConnectionValues {
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly proxy: string | undefined;
  readonly unixSocket: string | undefined;
}

/** Returns the options of a client for its connections. Reads the files that the flags name. */
export async function connectionOf(
  { ca, cert, key, proxy, unixSocket }: ConnectionValues,
): Promise<HttpClientOptions> {
  if ((cert === undefined) !== (key === undefined)) {
    throw badValue(cert === undefined ? "--key" : "--cert", cert ?? key!, "both --cert and --key");
  }
  const readAll = ca.map((file) => readPem(file, "CERTIFICATE"));
  return {
    caCerts: await Promise.all(readAll),
    ...cert !== undefined && { cert: await readPem(cert, "CERTIFICATE") },
    ...key !== undefined && { key: await readPem(key, "PRIVATE KEY") },
    ...proxy !== undefined && { proxy: { url: proxyUrl(proxy) } },
    ...unixSocket !== undefined && { unixSocket },
  };
}

/** Returns the URL of a proxy, which is one of `http:` without a scheme. */
function proxyUrl(text: string): string {
  const url = text.includes("://") ? text : `http://${text}`;
  if (/^(?:https?|socks5h?):$/.test(URL.parse(url)?.protocol ?? "")) return url;
  throw badValue("--proxy", text.includes("@") ? "…" : text, "a URL of http, https or socks5");
}
