/**
 * The options of a client for its connections: proxies, name resolution, and the addresses it may use.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../../net/errors/errors.ts";

/** A proxy for all requests of a client. */
export interface HttpProxy {
  /**
   * The URL: `http://`, `https://` or `socks5://` with a host, and optionally with credentials and a
   * port. The default ports are 80, 443 and 1080. A SOCKS proxy resolves the names.
   */
  readonly url: string;
  /** The user name. It replaces the one in `url`. */
  readonly username?: string;
  /** The password. It replaces the one in `url`. */
  readonly password?: string;
  /**
   * The hosts that the client reaches without the proxy: names including their subdomains, addresses,
   * blocks such as `10.0.0.0/8`, each with an optional port, or `*` for all. The value is a list, or a
   * string in the form of the variable `NO_PROXY`.
   *
   * @default none
   */
  readonly noProxy?: string | readonly string[];
  /**
   * Authorities for the certificate of an `https://` proxy, in PEM. Not with `http2`.
   *
   * @default those of the client
   */
  readonly caCerts?: readonly string[];
}

/** The address that a client is about to connect to. */
export interface HttpDialTarget {
  /** The name or address in the URL. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The resolved address. The client connects to exactly this address. */
  readonly address: string;
}

/** The result of an attempt to connect. Times are in milliseconds. */
export interface HttpDial {
  /** The name or address in the URL. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The connected address; undefined if connecting failed. */
  readonly address?: string;
  /** The time for name resolution; undefined if the system resolved the name while connecting. */
  readonly resolveTime?: number;
  /** The time for connecting. */
  readonly connectTime: number;
  /** The error, if connecting failed. */
  readonly error?: NetError;
}

/** Settings for connecting, together in one object. The options of the same names replace them. */
export interface HttpDialer extends HttpConnectSettings {
  /** Runs after each attempt to connect. */
  onDial?: (dial: HttpDial) => void;
}

/** Settings for connecting. */
export interface HttpConnectSettings {
  /**
   * The longest time for name resolution, connecting, also through a proxy, and the TLS handshake
   * together, in milliseconds; 0 for no limit. An error of this limit has the stage "connect".
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * Returns the addresses of a name. The client tries them in this order (RFC 8305).
   *
   * @default the system's resolver
   */
  resolve?: (
    hostname: string,
    signal: AbortSignal,
  ) => readonly string[] | Promise<readonly string[]>;
  /**
   * Returns whether the client may connect to an address. The client calls it with exactly the address
   * that it then uses, also after redirects, and in its only spelling: `::ffff:127.0.0.1` is
   * `127.0.0.1`. DNS rebinding cannot bypass it.
   *
   * @default every address
   */
  allow?: (target: HttpDialTarget) => boolean | Promise<boolean>;
  /**
   * Whether the client connects only to global addresses of the internet, as `isGlobalAddress` of
   * `net/address` decides. Use it for URLs that other people choose. Redirects and names are checked,
   * too.
   *
   * @default false
   */
  publicOnly?: boolean;
}
