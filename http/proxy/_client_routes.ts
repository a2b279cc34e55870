import type { NextHop } from "./_next_hop.ts";
import { ProxyRefusal } from "./_error_pages.ts";
import { readAuthority, type Target, type TargetRules } from "./_target_rules.ts";
import { type Introduction, type Way, wayTo } from "./_route.ts";

/**
 * The targets and ways of the requests of one client. It caches the last ones, because the next request
 * usually has the same.
 */
export class Ways {
  readonly #introduction: Introduction | undefined;
  #way: Way | undefined;
  #authority: string | undefined;
  #target: Target | undefined;

  constructor(introduction: Introduction | undefined) {
    this.#introduction = introduction;
  }

  /**
   * Reads the target of an authority.
   *
   * @param authority The authority, as the client sent it.
   * @param port The default port; undefined if the authority must have one.
   * @throws {ProxyRefusal} If the authority is malformed.
   */
  targetOf(authority: string, port: number | undefined): Target {
    if (authority === this.#authority && port !== undefined) return this.#target!;
    const target = readAuthority(authority, port);
    if (target === undefined) throw new ProxyRefusal(400, "The target is no host with a port");
    if (port !== undefined) {
      this.#authority = authority;
      this.#target = target;
    }
    return target;
  }

  /** Returns the way to a target. */
  wayTo(target: Target, hop: NextHop, rules: TargetRules): Way {
    const last = this.#way;
    if (last?.target === target && last.hop === hop && last.rules === rules) return last;
    return this.#way = wayTo(target, hop, rules, this.#introduction);
  }
}
