import { group, optionError, OptionRules, required } from "../../net/internal/options.ts";
import { TLS_CLIENT } from "../../net/internal/tls_rules.ts";
import type { SocksLogin } from "../../net/socks_codec.ts";
import { basicLogin, decoded, isSocksLogin } from "../internal/proxy_server.ts";
import { hookFailed } from "./_hook_failure.ts";
import { readAuthority, type Target } from "./_target_rules.ts";
import { TargetList } from "./_target_list.ts";
import type {
  ProxyDestination,
  ProxyOptions,
  ProxyParent,
  ProxyUpstream,
  ProxyUpstreamRule,
} from "./options.ts";

/** The next hop of a request: its target, or another proxy. */
export interface NextHop {
  /** A part of the key of connections; empty for direct ones. */
  readonly key: string;
  /** The proxy; undefined for none. */
  readonly proxy: ParentProxy | undefined;
  /** Whether the proxy resolves the names of targets. */
  readonly byName: boolean;
}

/** Another proxy, and its protocol. */
export interface ParentProxy {
  /** The URL for logs, without a login. */
  readonly shown: string;
  readonly target: Target;
  readonly protocol: "http" | "socks";
  /** Whether the connection to the proxy uses TLS. */
  readonly secure: boolean;
  readonly caCerts: readonly string[] | undefined;
  readonly pin: string | readonly string[] | undefined;
  /** The value of `Proxy-Authorization` for an HTTP proxy. */
  readonly authorization: string | undefined;
  /** The login for a SOCKS server. */
  readonly login: SocksLogin | undefined;
}

/** The next hop for direct connections. */
const DIRECT: NextHop = { key: "", proxy: undefined, byName: false };
/** The number of cached URLs that a function has returned. */
const MAX_REMEMBERED = 256;

/** Chooses the next hop of a request. */
export class NextHops {
  /** The next hop for all targets. */
  readonly #only: NextHop | undefined;
  readonly #rules: readonly HopRule[] | undefined;
  readonly #choose:
    | ((destination: ProxyDestination) => ProxyUpstream | Promise<ProxyUpstream>)
    | undefined;
  /** Hops by the results of the function, so that connections can be reused. */
  readonly #byUrl = new Map<string, NextHop>();
  readonly #byParent = new WeakMap<ProxyParent, NextHop>();

  constructor(upstream: ProxyOptions["upstream"]) {
    if (typeof upstream === "function") this.#choose = upstream;
    else if (Array.isArray(upstream)) {
      this.#rules = (upstream as readonly ProxyUpstreamRule[]).map(readRule);
    } else this.#only = readHop((upstream as ProxyUpstream | undefined) ?? "direct");
  }

  /** Returns the next hop to a target; undefined if a function decides. */
  find(target: Target): NextHop | undefined {
    if (this.#rules === undefined) return this.#only;
    return this.#rules.find(({ matches }) => matches(target))?.hop ?? DIRECT;
  }

  /**
   * Calls the function of the options that chooses the next hop.
   *
   * @param destination The argument of the function.
   * @param wait Waits for the result of the function.
   * @throws {ProxyRefusal} If the function fails.
   */
  async ask(
    destination: ProxyDestination,
    wait: (answer: ProxyUpstream | Promise<ProxyUpstream>) => Promise<ProxyUpstream>,
  ): Promise<NextHop> {
    try {
      return this.#remembered(await wait(this.#choose!(destination)));
    } catch (error) {
      throw hookFailed("upstream", error);
    }
  }

  #remembered(upstream: ProxyUpstream): NextHop {
    if (typeof upstream === "object" && upstream !== null) {
      const known = this.#byParent.get(upstream);
      if (known !== undefined) return known;
      const hop = readHop(upstream);
      this.#byParent.set(upstream, hop);
      return hop;
    }
    const known = this.#byUrl.get(upstream);
    if (known !== undefined) return known;
    const hop = readHop(upstream);
    const [oldest] = this.#byUrl.keys();
    if (this.#byUrl.size >= MAX_REMEMBERED) this.#byUrl.delete(oldest!);
    this.#byUrl.set(upstream, hop);
    return hop;
  }
}

interface HopRule {
  readonly matches: (target: Target) => boolean;
  readonly hop: NextHop;
}

function readRule({ targets, upstream }: ProxyUpstreamRule): HopRule {
  const hop = readHop(upstream);
  if (targets.includes("*")) return { matches: () => true, hop };
  const list = new TargetList("targets", targets);
  return {
    matches: ({ hostname, address }) =>
      address === undefined ? list.hasName(hostname) : list.hasAddress(address),
    hop,
  };
}

let count = 0;

const PARENT = group(
  new OptionRules<ProxyParent>({
    url: required((name, value) => {
      // The message does not show the value, because it may contain a password.
      if (typeof value !== "string") throw new TypeError(`${name} must be a string`);
    }),
    caCerts: TLS_CLIENT.rules.caCerts,
    pin: TLS_CLIENT.rules.pin,
  }),
);

/** Checks the type of a next hop, but not the URL. */
function hopTypes(name: string, value: unknown): object | void {
  if (typeof value === "string") return;
  if (typeof value === "object" && value !== null) return PARENT(name, value);
  throw optionError(name, '"direct", a URL or an object with a URL', value);
}

/** Checks a next hop: `"direct"`, the URL of a proxy, or an object with the URL. */
export function hopRule(name: string, value: unknown): object | void {
  const hop = hopTypes(name, value);
  readHop((hop ?? value) as ProxyUpstream);
  return hop;
}

/** Reads an upstream. Errors do not quote it, because it may contain a password. */
function readHop(upstream: ProxyUpstream): NextHop {
  if (upstream === "direct") return DIRECT;
  hopTypes("upstream", upstream);
  const { url, caCerts, pin }: ProxyParent = typeof upstream === "string"
    ? { url: upstream }
    : upstream;
  const match = /^(https?|socks5h?):\/\/(?:([^@/]*)@)?([^@/]+)\/?$/i.exec(url);
  const target = match === null ? undefined : readAuthority(match[3]!, undefined);
  if (target === undefined) {
    throw new TypeError(
      'upstream must be "direct" or a URL of http, https, socks5 or socks5h with a port, such as ' +
        "http://user:password@host:port, got another string",
    );
  }
  const scheme = match![1]!.toLowerCase();
  const secure = scheme === "https";
  if ((caCerts !== undefined || pin !== undefined) && !secure) {
    const given = caCerts === undefined ? "pin" : "caCerts";
    throw new TypeError(`upstream must have a URL of https if it has ${given}`);
  }
  const protocol = scheme.startsWith("socks") ? "socks" : "http";
  const login = readLogin(match![2]);
  if (protocol === "socks" && login !== undefined && !isSocksLogin(login)) {
    throw new TypeError("upstream must have a SOCKS login of 1 to 255 bytes for each part");
  }
  return {
    // The URL is no key: the same proxy with different logins is a different hop.
    key: `hop ${++count} `,
    byName: scheme !== "socks5",
    proxy: {
      shown: `${scheme}://${match![3]}`,
      target,
      protocol,
      secure,
      caCerts,
      pin,
      authorization: protocol === "http" && login !== undefined
        ? basicLogin("upstream", login)
        : undefined,
      login: protocol === "socks" ? login : undefined,
    },
  };
}

function readLogin(text: string | undefined): SocksLogin | undefined {
  if (text === undefined) return undefined;
  const colon = text.indexOf(":");
  if (colon < 1) throw new TypeError("upstream must have a login of the form user:password");
  return {
    username: decoded("upstream", text.slice(0, colon)),
    password: decoded("upstream", text.slice(colon + 1)),
  };
}
