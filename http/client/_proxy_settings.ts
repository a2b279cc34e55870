import type { HttpProxy } from "./options.ts";

/** Checks a proxy and converts it for Deno. Errors do not show the credentials. */
export function checkProxy(proxy: HttpProxy): Deno.Proxy {
  const url = URL.parse(proxy.url);
  if (url === null || !/^(https?|socks5h?):$/.test(url.protocol)) {
    throw new TypeError("proxy.url must be a URL that begins with http://, https:// or socks5://");
  }
  const username = proxy.username ?? decode(url.username);
  const password = proxy.password ?? decode(url.password);
  const plain = `${url.protocol}//${url.host}`;
  return {
    url: plain,
    ...(username === "" && password === "" ? {} : { basicAuth: { username, password } }),
  };
}

/** Returns a function that tells which hosts are reached without the proxy. */
export function noProxyMatcher(list: HttpProxy["noProxy"]): (url: URL) => boolean {
  const entries = (typeof list === "string" ? list.split(",") : [...list ?? []])
    .map((entry) => entry.trim().toLowerCase()).filter((entry) => entry !== "");
  if (entries.includes("*")) return () => true;
  const rows = entries.map((entry) => {
    const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\*?\./, "")) ?? [];
    // The colons of a bare IPv6 address do not separate a port.
    const bare = entry.split(":").length > 2 && !entry.startsWith("[");
    return bare ? { host: `[${entry}]`, port: undefined } : { host, port };
  });
  return (url) => {
    const { hostname } = url;
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    return rows.some((row) =>
      (row.port === undefined || row.port === port) &&
      (hostname === row.host || hostname.endsWith(`.${row.host}`))
    );
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("proxy.url must have credentials that are percent-encoded");
  }
}
