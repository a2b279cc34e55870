import { isLoopback } from "../../net/address.ts";

/** The characters of a name or an address with or without a port (RFC 9110 §7.2). */
const SHAPE = /^(?:[a-z0-9_~.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i;
/** Maximum number of hosts in the cache. More hosts only cost repeated checks. */
const REMEMBERED = 64;

/** Checks the `Host` of requests. Results are cached, because most requests name the same host. */
export class HostCheck {
  /** Whether only local hosts are allowed: by default, if the server is on loopback. */
  readonly isLocalOnly: boolean;
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly #known = new Map<string, number>();
  #last: string | undefined;

  /**
   * Makes a check.
   *
   * @param allowed The allowed hosts, without ports, or "any". By default, on loopback only hosts that no
   * public site can have (see {@linkcode isLocal}), elsewhere all hosts.
   * @param hostname The address of the server.
   * @throws {TypeError} If one of the hosts is malformed.
   */
  constructor(allowed: readonly string[] | "any" | undefined, hostname: string) {
    this.isLocalOnly = allowed === undefined && isLoopback(hostname);
    this.#allowed = allowed === undefined || allowed === "any" ? undefined : new Set(
      allowed.map((host) => {
        const written = /^[^[]*:[^[]*:/.test(host) ? `[${host}]` : host;
        const name = SHAPE.test(written) ? canonical(written) : null;
        if (name !== null) return name;
        throw new TypeError(`Cannot allow the host "${host}": it must be a name or an address`);
      }),
    );
  }

  /**
   * Checks a host.
   *
   * @param host The host as the client has sent it.
   * @returns 0 if the host is allowed, otherwise the status of the refusal.
   */
  judge(host: string): number {
    if (host === this.#last) return 0;
    let status = this.#known.get(host);
    if (status === undefined) {
      status = this.#judge(host);
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(host, status);
    }
    if (status === 0) this.#last = host;
    return status;
  }

  #judge(host: string): number {
    const name = nameOf(host);
    if (name === null) return 400;
    if (this.isLocalOnly && !isLocal(name)) return 421;
    return this.#allowed?.has(name) === false ? 421 : 0;
  }
}

/**
 * Returns whether a host is safe from DNS rebinding, by which a site makes its name point to this
 * machine after its page has loaded. Safe hosts are addresses, `localhost` and names below it (RFC 6761
 * §6.3), and names without a dot, which are never public.
 */
function isLocal(name: string): boolean {
  return !name.includes(".") || name.endsWith(".localhost") || /^[\d.]+$/.test(name);
}

/** Returns whether a text is a host, with or without a port. */
export function isHost(host: string): boolean {
  return nameOf(host) !== null;
}

function nameOf(host: string): string | null {
  // Not every text with these characters is a host: 1.2.3.4.5, [::1::], port 99999.
  return host.length <= 512 && SHAPE.test(host) ? canonical(host) : null;
}

/** Returns a host in lower case, without a port and a final dot; null if it is malformed. */
function canonical(host: string): string | null {
  const url = URL.parse(`http://${host}/`);
  return url && url.hostname.replace(/(?<=[^.])\.$/, "");
}
