import { isLoopback } from "../../net/address.ts";

/** What a name, an IPv4 or an IPv6 address with or without a port is made of (RFC 9110 §7.2). */
const SHAPE = /^(?:[a-z0-9_~.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i;
/** How many hosts are remembered; a client that names more only makes us look again. */
const REMEMBERED = 64;

/** Judges the `Host` of requests. A result is kept, since most requests name the same host. */
export class HostCheck {
  /** Whether nobody has said which hosts are allowed, and the server is on loopback. */
  readonly isLocalOnly: boolean;
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly #known = new Map<string, number>();
  #last: string | undefined;

  /**
   * Makes a check.
   *
   * @param allowed The hosts that are allowed, without ports; "any" for all. By default those that a
   * page of another site cannot have (see {@linkcode isLocal}) on loopback, all elsewhere.
   * @param hostname The address that the server listens on.
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
   * Judges a host.
   *
   * @param host As the client has sent it.
   * @returns 0 if it may pass, else the status to refuse it with.
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
 * Whether a host cannot belong to a site that makes its name point to this machine after its page has
 * loaded (DNS rebinding): addresses, `localhost` and what is below it (RFC 6761 §6.3), and names
 * without a dot, which no public domain has.
 */
function isLocal(name: string): boolean {
  return !name.includes(".") || name.endsWith(".localhost") || /^[\d.]+$/.test(name);
}

/** Returns whether a text is a host, with or without a port. */
export function isHost(host: string): boolean {
  return nameOf(host) !== null;
}

function nameOf(host: string): string | null {
  // A text of the right shape may still be no address: 1.2.3.4.5, [::1::], port 99999.
  return host.length <= 512 && SHAPE.test(host) ? canonical(host) : null;
}

/** The one spelling of a host: lower case, without port and the dot at its end; null if it is none. */
function canonical(host: string): string | null {
  const url = URL.parse(`http://${host}/`);
  return url && url.hostname.replace(/(?<=[^.])\.$/, "");
}
