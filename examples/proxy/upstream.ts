/** Reads the next proxies of the command line: `--upstream TARGET=URL`. @module */

import { createProxy, type ProxyOptions, type ProxyUpstreamRule } from "../../http/proxy/proxy.ts";
import { badValue } from "../../tools/cli.ts";

/** The value of one `--upstream`: a target, or `*` for all, and the next proxy. */
export interface Upstream {
  readonly target: string;
  readonly url: string;
}

const EXPECTED =
  "URL or TARGET=URL; URL is direct, or http://, https://, socks5:// or socks5h:// " +
  "with [user:password@]host:port";

/** Reads `URL` or `TARGET=URL`. Errors do not show the value, because it may contain a password. */
export function readUpstream(text: string): Upstream {
  const [, target = "*", url] = /^(?:([^=@]*?)=)?([a-z][a-z\d]*:\/\/.*|direct)$/is.exec(text) ?? [];
  if (url === undefined) throw badValue("--upstream", "…", EXPECTED);
  try {
    createProxy({ upstream: [{ targets: [target], upstream: url }] }).close();
  } catch {
    throw badValue("--upstream", "…", EXPECTED);
  }
  return { target, url };
}

/** Returns the rules in their order. Rules for all targets come last. */
export function upstreamRules(
  upstreams: readonly Upstream[],
  caCerts: readonly string[],
): NonNullable<ProxyOptions["upstream"]> {
  const all = [
    ...upstreams.filter(({ target }) => target !== "*"),
    ...upstreams.filter(({ target }) => target === "*"),
  ];
  return all.map(({ target, url }): ProxyUpstreamRule => {
    const trusts = caCerts.length > 0 && /^https:/i.test(url);
    return { targets: [target], upstream: trusts ? { url, caCerts } : url };
  });
}
