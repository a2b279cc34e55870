/** Reads the URL of a proxy, with its login. Errors never show the value, which may be secret. */

import { SocksHandshake, type SocksLogin } from "../../net/socks_codec.ts";

/** A proxy that a client connects through. */
export interface ProxyServer {
  /** The protocol of the proxy. With `socks5`, this side resolves the names of targets. */
  readonly protocol: "http" | "https" | "socks5" | "socks5h";
  /** The name or IP address of the proxy, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The URL for messages, without a login. */
  readonly shown: string;
  /** The login for the proxy. */
  readonly login: SocksLogin | undefined;
  /** The value of `Proxy-Authorization` for an HTTP proxy. */
  readonly authorization: string | undefined;
  /** Authorities that the proxy's certificate may come from; undefined for those of the client. */
  readonly caCerts: readonly string[] | undefined;
}

/** The URL of a proxy, and a login that replaces the one in the URL. */
export interface ProxyAddress {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly caCerts?: readonly string[] | undefined;
}

const PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  socks5: 1080,
  socks5h: 1080,
};

/**
 * Reads a proxy. Without a port, the URL means the default port of its scheme; 1080 for SOCKS.
 *
 * @param name The option or variable, for messages.
 * @param address The URL and the login.
 * @throws {TypeError} If the URL or the login cannot be used.
 */
export function readProxy(name: string, address: ProxyAddress): ProxyServer {
  const url = URL.parse(address.url);
  const protocol = url?.protocol.slice(0, -1) ?? "";
  if (url === null || !isProtocol(protocol) || url.hostname === "") {
    throw new TypeError(
      `${name} must be a URL of http, https, socks5 or socks5h, such as http://user:password@host:3128, ` +
        "got another string",
    );
  }
  const socks = protocol.startsWith("socks");
  const port = url.port === "" ? PORTS[protocol]! : Number(url.port);
  const login = loginOf(name, url, address);
  if (socks && login !== undefined && !isSocksLogin(login)) {
    throw new TypeError(`${name} must have a SOCKS login of 1 to 255 bytes for each part`);
  }
  return {
    protocol,
    hostname: decoded(name, url.hostname).replace(/^\[|\]$/g, ""),
    port,
    shown: `${protocol}://${url.hostname}:${port}`,
    login,
    authorization: socks || login === undefined ? undefined : basicLogin(name, login),
    caCerts: address.caCerts,
  };
}

function isProtocol(scheme: string): scheme is ProxyServer["protocol"] {
  return Object.hasOwn(PORTS, scheme);
}

function loginOf(name: string, url: URL, given: ProxyAddress): SocksLogin | undefined {
  const username = given.username ?? decoded(name, url.username);
  const password = given.password ?? decoded(name, url.password);
  return username === "" && password === "" ? undefined : { username, password };
}

/** Decodes a part of a URL. */
export function decoded(name: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new TypeError(`${name} must have a login that is percent-encoded`);
  }
}

/** Returns whether a login fits into the messages of SOCKS 5 (RFC 1929 §2). */
export function isSocksLogin(login: SocksLogin): boolean {
  try {
    return new SocksHandshake({ hostname: "a", port: 1 }, login) !== undefined;
  } catch {
    return false;
  }
}

/** Returns the credentials of Basic authentication (RFC 7617). */
export function basicLogin(name: string, { username, password }: SocksLogin): string {
  // RFC 7617 §2: the password begins after the first colon.
  if (username.includes(":")) {
    throw new TypeError(`${name} must have a login whose user has no colon`);
  }
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
