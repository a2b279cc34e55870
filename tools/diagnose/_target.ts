import { formatAddress, parseHostPort } from "../../net/address.ts";
import { escapeControls } from "../../net/text.ts";
import { checkHost } from "./_commands.ts";
import type { DiagnoseTarget } from "./diagnosis.ts";
import { isAddress } from "../internal/program_output.ts";

/** The properties that a scheme gives a port. */
type Scheme = Pick<DiagnoseTarget, "tls" | "http" | "startTls"> & { port?: number };

const TLS = { tls: true, http: false } as const;

const SCHEMES: Readonly<Record<string, Scheme>> = {
  "https:": { tls: true, http: true, port: 443 },
  "http:": { tls: false, http: true, port: 80 },
  "tcp:": { tls: false, http: false },
  "tls:": { ...TLS, port: 443 },
  "smtps:": { ...TLS, port: 465 },
  "imaps:": { ...TLS, port: 993 },
  "pop3s:": { ...TLS, port: 995 },
  "ftps:": { ...TLS, port: 990 },
  "ldaps:": { ...TLS, port: 636 },
  "smtp:": { ...TLS, port: 25, startTls: "smtp" },
  "imap:": { ...TLS, port: 143, startTls: "imap" },
  "pop3:": { ...TLS, port: 110, startTls: "pop3" },
  "ftp:": { ...TLS, port: 21, startTls: "ftp" },
  "postgres:": { ...TLS, port: 5432, startTls: "postgres" },
  "postgresql:": { ...TLS, port: 5432, startTls: "postgres" },
};

const NAMES =
  "http, https, tcp, tls, smtp, imap, pop3, ftp, postgres, smtps, imaps, pop3s, ftps, ldaps";

/**
 * Parses `HOST`, `HOST:PORT` or a URL with one of the schemes above.
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
  const scheme = SCHEMES[url.protocol] ?? fail(`the scheme must be one of ${NAMES}`);
  const bare = decodeURIComponentOr(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  const host = toAscii(bare, fail);
  const port = Number(url.port || scheme.port || fail("it has no port"));
  if (port === 0) fail("the port must not be 0");
  if (!scheme.http) {
    const address = formatAddress({ hostname: host, port });
    const { tls, startTls } = scheme;
    const shown = `${url.protocol}//${address}`;
    return { url: shown, host, port, tls, http: false, ...(startTls && { startTls }) };
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
