import { getLogger } from "@logtape/logtape";
import type { TickClock } from "./_clock.ts";
import type { ClientRules } from "./_client_rules.ts";
import type { NextHops } from "./_next_hop.ts";
import type { ProxyTracing } from "./_tracing.ts";
import type { Upstreams } from "./_upstream.ts";
import type { ProxyEntry, ProxyOptions } from "./options.ts";

/** The state that all connections of a proxy share. Times are in milliseconds, Infinity for none. */
export interface ProxyCore {
  readonly options: ProxyOptions;
  readonly clients: ClientRules;
  readonly hops: NextHops;
  readonly clock: TickClock;
  readonly upstreams: Upstreams;
  readonly via: string;
  readonly credentials: Credentials | undefined;
  /** The version of the PROXY protocol for servers; undefined for none. */
  readonly introduce: 1 | 2 | undefined;
  readonly limits: ProxyLimits;
  readonly counts: Counts;
  readonly tracing: ProxyTracing | undefined;
}

/** The complete limits of a proxy. */
export interface ProxyLimits {
  readonly maxHead: number;
  readonly headTimeout: number;
  readonly idleTimeout: number;
  readonly bodyTimeout: number;
  /** The lowest rate of an upload in bytes per second. */
  readonly minBodyRate: number;
  readonly responseTimeout: number;
  readonly hookTimeout: number;
  readonly tunnelTimeout: number;
  readonly halfCloseTimeout: number;
}

/** The counters of a proxy. */
export interface Counts {
  requests: number;
  retries: number;
  tunnels: number;
  activeTunnels: number;
  denied: number;
  failed: number;
  received: number;
  sent: number;
}

const logger = getLogger(["portside", "http", "proxy"]);

/** Counts a request and passes its entry to `onEntry`. `denied` means that the rules refused it. */
export function tell({ counts, options }: ProxyCore, entry: ProxyEntry, denied: boolean): void {
  if (denied) counts.denied++;
  else if (entry.error !== undefined) counts.failed++;
  try {
    options.onEntry?.(entry);
  } catch (error) {
    logger.error("onEntry failed: {error}", { error });
  }
}

/** The logins of the users of a proxy. */
export class Credentials {
  readonly #secrets: { readonly user: string; readonly bytes: Uint8Array }[];

  constructor(users: Readonly<Record<string, string>>) {
    const encoder = new TextEncoder();
    this.#secrets = Object.entries(users).map(([user, password]) => ({
      user,
      bytes: encoder.encode(`${user}:${password}`),
    }));
  }

  /** Returns the user of a login; undefined if it is wrong. The time does not depend on the login. */
  check(authorization: string | undefined): string | undefined {
    const word = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? "")?.[1];
    if (word === undefined) return undefined;
    let given: Uint8Array;
    try {
      given = Uint8Array.fromBase64(word);
    } catch {
      return undefined;
    }
    let found: string | undefined;
    for (const { user, bytes } of this.#secrets) {
      let difference = given.length ^ bytes.length;
      for (let i = 0; i < given.length; i++) difference |= given[i]! ^ bytes[i % bytes.length]!;
      if (difference === 0) found = user;
    }
    return found;
  }
}
