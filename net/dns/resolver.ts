/**
 * A resolver: it queries several servers in turn, keeps their answers, and completes short names by a
 * search list.
 *
 * @example The second query is answered by the cache
 * ```ts
 * import { createDnsResolver, decodeDnsMessage, encodeDnsMessage } from "@portside/kit/net/dns";
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * const serving = server.receive().then(({ data, from }) => {
 *   const { id, questions } = decodeDnsMessage(data);
 *   const host = { name: "host.test", ttl: 60, type: "A", address: "192.0.2.7" } as const;
 *   return server.send(encodeDnsMessage({ id, questions, response: true, answers: [host] }), from);
 * });
 * const resolver = createDnsResolver({ servers: [`127.0.0.1:${server.addr.port}`] });
 * const first = await resolver.query("host.test", "A");
 * const second = await resolver.query("host.test", "A");
 * assertEquals([first.cached, second.cached], [false, true]);
 * await serving;
 * ```
 *
 * **Permissions**: as for `queryDns`, for each server.
 *
 * @module
 */

import { parseHostPort } from "../address.ts";
import { nameKey } from "../internal/dns_answers.ts";
import {
  either,
  integer,
  listOf,
  optionError,
  OptionRules,
  required,
  type Rule,
  signal as signalRule,
  text,
  word,
} from "../internal/options.ts";
import { orAbort } from "../internal/or_abort.ts";
import { DnsCache, type DnsCacheOptions } from "./cache.ts";
import { queryDns } from "./client.ts";
import type { DnsAnswer, DnsQuerySettings, DnsServer, QueryDnsOptions } from "./query_options.ts";
import { isDnsServer, server as serverRule, SETTINGS } from "./_query_rules.ts";
import type { DnsType } from "./record_types.ts";

/** Options of {@linkcode createDnsResolver}. `timeout` applies to each server. */
export interface DnsResolverOptions extends DnsQuerySettings {
  /**
   * The servers, in order: an IP address with or without a port, or a server that is reached in its own
   * way. A server that fails is followed by the next one.
   */
  servers: readonly (string | DnsServer)[];
  /**
   * The domains that complete short names.
   *
   * @default none
   */
  search?: readonly string[];
  /**
   * Number of dots from which a name is first queried as it is, and then with the domains of `search`.
   * A name with a dot at its end is only queried as it is.
   *
   * @default 1
   */
  ndots?: number;
  /**
   * The bounds of the cache; false for no cache.
   *
   * @default a cache of 1000 answers
   */
  cache?: DnsCacheOptions | false;
}

/** Options of {@linkcode DnsResolver.query}. */
export interface DnsResolveOptions {
  /** Cancels the query, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** An answer of a resolver. */
export interface DnsResolverAnswer extends DnsAnswer {
  /** The complete name that was queried. */
  readonly name: string;
  /** Whether the answer came from the cache. */
  readonly cached: boolean;
}

/** The counters of a resolver. */
export interface DnsResolverStats {
  /** Number of answers from the cache. */
  readonly hits: number;
  /** Number of queries to servers. */
  readonly queries: number;
  /** Number of answers in the cache. */
  readonly entries: number;
}

const servers: Rule = (name, value) => {
  if (!Array.isArray(value) || value.length === 0) {
    throw optionError(name, "an array with at least one server", value);
  }
  for (const [i, one] of value.entries()) readServer(`${name}[${i}]`, one);
};

const RESOLVER = new OptionRules<DnsResolverOptions>({
  ...SETTINGS.rules,
  servers: required(servers),
  search: listOf(word),
  ndots: integer(0, 255),
  // The class checks the other values.
  cache: either(false, (name, value) => {
    if (typeof value !== "object" || value === null) {
      throw optionError(name, "an object or false", value);
    }
  }),
});
const RESOLVE = new OptionRules<DnsResolveOptions>({ signal: signalRule });

/** Codes after which another server may know more. */
const FAILURES: ReadonlySet<string> = new Set(["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"]);

type Target = Pick<QueryDnsOptions, "port" | "server">;

function readServer(name: string, given: unknown): Target {
  if (isDnsServer(given)) return { server: given };
  if (typeof given === "string" && /^(\[.*\]|[^:]*):\d+$/.test(given)) {
    const { hostname, port } = parseHostPort(given);
    serverRule(name, hostname);
    if (port > 0) return { server: hostname, port };
  }
  serverRule(name, given);
  return { server: given as string };
}

/** A query that several callers may wait for. */
interface Flight {
  readonly answer: Promise<DnsAnswer>;
  readonly stop: AbortController;
  waiting: number;
}

/** A resolver with a cache and a search list. {@linkcode createDnsResolver} makes one. */
export class DnsResolver {
  readonly #targets: readonly Target[];
  readonly #settings: DnsQuerySettings;
  readonly #search: readonly string[];
  readonly #ndots: number;
  readonly #cache: DnsCache | undefined;
  readonly #flights = new Map<string, Flight>();
  #hits = 0;
  #queries = 0;

  /** @ignore Use {@linkcode createDnsResolver}. */
  constructor(options: DnsResolverOptions) {
    const { servers, search = [], ndots = 1, cache = {}, ...settings } = options;
    this.#targets = servers.map((given, i) => readServer(`servers[${i}]`, given));
    this.#search = search;
    this.#ndots = ndots;
    this.#settings = settings;
    this.#cache = cache === false ? undefined : new DnsCache(cache);
  }

  /**
   * Queries the records of a name: from the cache, or from the first server that does not fail.
   *
   * @param name The domain name. A short one is completed by the search list.
   * @param type The type of records.
   * @param options The signal of this query. Other callers with the same question are not affected.
   * @returns The answer, also if its code reports an error. If no name of the search list has such
   * records, it is the answer for the name as it is.
   * @throws {NetError} Of kind "timeout" and others, if no server answers.
   * @throws {TypeError | RangeError} If the name, the type or an option is invalid.
   */
  async query(
    name: string,
    type: DnsType,
    options: DnsResolveOptions = {},
  ): Promise<DnsResolverAnswer> {
    text("name", name);
    const { signal } = RESOLVE.check("query", options);
    signal?.throwIfAborted();
    let plain: DnsResolverAnswer | undefined;
    let last: DnsResolverAnswer | undefined;
    for (const full of searchNames(name, this.#search, this.#ndots)) {
      const answer = await this.#queryOne(full, type, signal);
      if (answer.answers.length > 0) return answer;
      if (full === name) plain = answer;
      last = answer;
    }
    return plain ?? last!;
  }

  /** Removes all answers from the cache. */
  clear(): void {
    this.#cache?.clear();
  }

  /**
   * Returns the current counters.
   *
   * @returns A snapshot. It does not change afterwards.
   */
  stats(): DnsResolverStats {
    return { hits: this.#hits, queries: this.#queries, entries: this.#cache?.size ?? 0 };
  }

  async #queryOne(
    name: string,
    type: DnsType,
    signal: AbortSignal | undefined,
  ): Promise<DnsResolverAnswer> {
    const kept = this.#cache?.get(name, type, performance.now());
    if (kept !== undefined) {
      this.#hits++;
      return { ...kept, name, cached: true };
    }
    const key = `${nameKey(name)} ${type}`;
    const flight = this.#flights.get(key) ?? this.#start(key, name, type);
    flight.waiting++;
    try {
      const answer = await (signal ? orAbort(flight.answer, signal) : flight.answer);
      return { ...answer, name, cached: false };
    } finally {
      if (--flight.waiting === 0) {
        // A later caller must not wait for a query that is being cancelled.
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.stop.abort();
      }
    }
  }

  #start(key: string, name: string, type: DnsType): Flight {
    const stop = new AbortController();
    const answer = this.#askServers(name, type, stop.signal);
    // A caller that is cancelled does not look at it.
    answer.catch(() => {});
    const flight = { answer, stop, waiting: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  async #askServers(name: string, type: DnsType, signal: AbortSignal): Promise<DnsAnswer> {
    let failed: DnsAnswer | undefined;
    let error: unknown;
    for (const target of this.#targets) {
      try {
        this.#queries++;
        const answer = await queryDns(name, type, { ...this.#settings, ...target, signal });
        if (FAILURES.has(answer.code)) {
          failed ??= answer;
          continue;
        }
        this.#cache?.put(name, type, answer, performance.now());
        return answer;
      } catch (thrown) {
        // A wrong argument is wrong for all servers.
        const isWrong = thrown instanceof TypeError || thrown instanceof RangeError;
        if (signal.aborted || isWrong) throw thrown;
        error ??= thrown;
      }
    }
    if (failed !== undefined) return failed;
    throw error;
  }
}

/** Returns the names to query, in order, as the C library does. */
function searchNames(name: string, search: readonly string[], ndots: number): string[] {
  if (name.endsWith(".") || search.length === 0) return [name];
  const dots = name.split(".").length - 1;
  const completed = search.map((domain) => `${name}.${domain}`);
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}

/**
 * Makes a resolver. It does no I/O before the first query, and holds nothing that must be closed.
 *
 * @param options The servers, the search list and the cache.
 * @returns The resolver, with an empty cache.
 * @throws {TypeError | RangeError} If an option is invalid.
 *
 * @example The settings of this machine
 * ```ts
 * import { createDnsResolver, parseResolvConf } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const file = "nameserver 192.0.2.53\nsearch office.test\n";
 * const resolver = createDnsResolver(parseResolvConf(file));
 * assertEquals(resolver.stats(), { hits: 0, queries: 0, entries: 0 });
 * ```
 */
export function createDnsResolver(options: DnsResolverOptions): DnsResolver {
  return new DnsResolver(RESOLVER.check("createDnsResolver", options));
}
