/**
 * A bounded cache of DNS answers: TTLs (RFC 2181 §8), and names and types that do not exist
 * (RFC 2308). It has no clock: each call takes the time.
 *
 * @example An answer gets older
 * ```ts
 * import { type DnsAnswer, DnsCache } from "@portside/kit/net/dns";
 * import { decodeDnsMessage, encodeDnsMessage } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const message = decodeDnsMessage(encodeDnsMessage({
 *   response: true,
 *   answers: [{ name: "host.test", ttl: 60, type: "A", address: "192.0.2.7" }],
 * }));
 * const answer: DnsAnswer = { ...message, server: "192.0.2.53:53", transport: "udp", time: 1 };
 * const cache = new DnsCache();
 * cache.put("host.test", "A", answer, 0);
 * assertEquals(cache.get("HOST.test", "A", 10_000)?.answers[0]?.ttl, 50);
 * assertEquals(cache.get("host.test", "A", 60_000), undefined);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { nameKey, withoutForeign } from "../internal/dns_answers.ts";
import { count, numberFrom, OptionRules } from "../internal/options.ts";
import { ageMessage } from "./_age.ts";
import type { DnsAnswer } from "./query_options.ts";
import type { DnsType } from "./record_types.ts";

/** Options of {@linkcode DnsCache}. Times are in seconds, as TTLs are. */
export interface DnsCacheOptions {
  /**
   * Maximum number of answers. A full cache drops the one that was not used for the longest time.
   *
   * @default 1000
   */
  maxEntries?: number;
  /**
   * Maximum size of all answers in bytes, by an estimate. A larger answer is not kept.
   *
   * @default 8388608 (8 MiB)
   */
  maxSize?: number;
  /**
   * Maximum time for which an answer is kept.
   *
   * @default 86400
   */
  maxTtl?: number;
  /**
   * Maximum time for which the absence of a name or of a type is kept (RFC 2308 §5).
   *
   * @default 10800
   */
  maxNegativeTtl?: number;
}

/** The rules for the options of a cache. */
const CACHE = new OptionRules<DnsCacheOptions>({
  maxEntries: count,
  maxSize: count,
  maxTtl: numberFrom(0),
  maxNegativeTtl: numberFrom(0),
});

/** The type of an entry for all types of a name that does not exist. */
const ANY_TYPE = "*";

interface Entry {
  readonly answer: DnsAnswer;
  /** The time at which the answer arrived, in milliseconds. */
  readonly since: number;
  /** The time at which it expires, in milliseconds. */
  readonly until: number;
  /** Its size in bytes. */
  readonly size: number;
}

/** A bounded cache of answers by name and type. */
export class DnsCache {
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #maxSize: number;
  readonly #maxTtl: number;
  readonly #maxNegativeTtl: number;
  #size = 0;

  /**
   * Makes an empty cache.
   *
   * @param options The bounds of the cache.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: DnsCacheOptions = {}) {
    const {
      maxEntries = 1000,
      maxSize = 8 * 1024 * 1024,
      maxTtl = 86_400,
      maxNegativeTtl = 10_800,
    } = CACHE.check("DnsCache", options);
    this.#maxEntries = maxEntries;
    this.#maxSize = maxSize;
    this.#maxTtl = maxTtl;
    this.#maxNegativeTtl = maxNegativeTtl;
  }

  /** The number of answers in the cache, with those that have expired but were not used since. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Finds an answer.
   *
   * @param name The name of the question. Upper and lower case are the same.
   * @param type The type of the question.
   * @param now The time in milliseconds, on the clock of `put`.
   * @returns The answer with reduced TTLs; undefined if there is none or it has expired.
   */
  get(name: string, type: DnsType, now: number): DnsAnswer | undefined {
    for (const key of [keyOf(name, type), keyOf(name, ANY_TYPE)]) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      this.#remove(key);
      if (entry.until <= now) continue;
      this.#add(key, entry);
      return ageMessage(entry.answer, Math.floor((now - entry.since) / 1000));
    }
    return undefined;
  }

  /**
   * Keeps an answer, if it may be kept: records for the shortest of their TTLs, the absence of a name
   * or of a type for the time in the SOA record. Other answers, such as failures or records of other
   * names, are not kept.
   *
   * @param name The name of the question.
   * @param type The type of the question.
   * @param answer The answer of a server.
   * @param now The time in milliseconds.
   */
  put(name: string, type: DnsType, answer: DnsAnswer, now: number): void {
    const { answers, questions: [question] } = answer;
    const own = withoutForeign(question?.name ?? name, type, answers);
    if (own.length < answers.length) return;
    const found = answers.some((record) => record.type === type);
    const ttl = this.#ttlOf(answer, found);
    if (ttl <= 0) return;
    // After an alias, it is not this name that does not exist.
    const all = answer.code === "NXDOMAIN" && answers.length === 0;
    const key = keyOf(name, all ? ANY_TYPE : type);
    const size = sizeOf(answer);
    this.#remove(key);
    if (size > this.#maxSize) return;
    this.#add(key, { answer, since: now, until: now + ttl * 1000, size });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#size <= this.#maxSize) return;
      this.#remove(oldest);
    }
  }

  /** Removes all answers. */
  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#size += entry.size;
  }

  #remove(key: string): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }

  /** Returns the time for which an answer may be kept, in seconds; 0 if it may not. */
  #ttlOf({ code, truncated, answers, authorities }: DnsAnswer, found: boolean): number {
    if (truncated || (code !== "NOERROR" && code !== "NXDOMAIN")) return 0;
    const least = Math.min(...answers.map(({ ttl }) => ttl), this.#maxTtl);
    if (found && code === "NOERROR") return least;
    const soa = authorities.find((record) => record.type === "SOA");
    if (soa === undefined) return 0;
    return Math.min(least, soa.ttl, soa.minimum, this.#maxNegativeTtl);
  }
}

function keyOf(name: string, type: string): string {
  return `${nameKey(name)} ${type}`;
}

/** Estimates the memory of a value in bytes. */
function sizeOf(value: unknown): number {
  if (typeof value === "string" || value instanceof Uint8Array) return 16 + value.length;
  if (typeof value !== "object" || value === null) return 8;
  return Object.values(value).reduce<number>((sum, part) => sum + sizeOf(part), 64);
}
