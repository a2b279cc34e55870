import { formatAddress, parseHostPort } from "../../net/address.ts";
import { escapeControls } from "../../net/text.ts";
import { checkHost } from "./_commands.ts";
import type { DiagnoseTarget } from "./diagnosis.ts";
import { isAddress } from "../internal/program_output.ts";

const SCHEMES: Readonly<Record<string, Pick<DiagnoseTarget, "tls" | "http"> & { port?: number }>> =
  {
    "https:": { tls: true, http: true, port: 443 },
    "http:": { tls: false, http: true, port: 80 },
    "tls:": { tls: true, http: false, port: 443 },
    "tcp:": { tls: false, http: false },
  };

/**
 * Parses `HOST`, `HOST:PORT` or a URL (http, https, tcp, tls).
 *
 * @throws {TypeError} If the text is none of them, or contains invalid characters.
 */
export function parseTarget(text: string): DiagnoseTarget {
  const shown = escapeControls(text.slice(0, 200));
  const fail = (why: string): never => {
    throw new TypeError(`Cannot use "${shown}": ${why}`);
  };
  // The URL parser silently removes line breaks and tabs.
  if (text === "" || /[\s\p{Cc}]/u.test(text)) fail("a host must not be empty or contain spaces");
  if (/^[^:/?#[\]]+:\/\//.test(text)) return fromUrl(text, fail);
  if (isAddress(text)) return make(text, 443, SCHEMES["https:"]!);
  if (!text.startsWith("[") && text.includes("/")) return fromUrl(`https://${text}`, fail);
  if (!/:\d+$/.test(text)) {
    const host = toAscii(/^\[(.*)\]$/.exec(text)?.[1] ?? text, fail);
    return make(host, 443, SCHEMES["https:"]!);
  }
  const { hostname, port } = parseHostPort(text);
  const host = toAscii(hostname, fail);
  if (port === 0) fail("the port must not be 0");
  if (port === 443) return make(host, port, SCHEMES["https:"]!);
  if (port === 80) return make(host, port, SCHEMES["http:"]!);
  return {
    url: formatAddress({ hostname: host, port }),
    host,
    port,
    tls: "try",
    http: "try",
  };
}

function fromUrl(text: string, fail: (why: string) => never): DiagnoseTarget {
  const url = URL.parse(text) ?? fail("it is not a URL");
  const scheme = SCHEMES[url.protocol] ?? fail("the scheme must be http, https, tcp or tls");
  const bare = decodeURIComponentOr(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  const host = toAscii(bare, fail);
  const port = Number(url.port || scheme.port || fail("it has no port"));
  if (port === 0) fail("the port must not be 0");
  if (!scheme.http) {
    const address = formatAddress({ hostname: host, port });
    return { url: `${url.protocol}//${address}`, host, port, tls: scheme.tls, http: false };
  }
  url.username = url.password = url.hash = "";
  return { url: url.href, host, port, tls: scheme.tls, http: true };
}

function make(
  hostname: string,
  port: number,
  { tls, http }: Pick<DiagnoseTarget, "tls" | "http">,
): DiagnoseTarget {
  const host = checkHost(hostname);
  // A URL cannot contain a zone.
  const bare = host.replace(/%.*$/, "");
  const url = new URL(`${tls ? "https" : "http"}://${bare.includes(":") ? `[${bare}]` : bare}/`);
  return { url: url.href, host, port, tls, http };
}

function toAscii(host: string, fail: (why: string) => never): string {
  checkHost(host);
  if (/^[\x21-\x7e]*$/.test(host)) return host;
  return checkHost(URL.parse(`http://${host}/`)?.hostname ?? fail("it is not a domain name"));
}

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
