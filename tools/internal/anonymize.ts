/** Replaces names and addresses in a diagnosis, so that it can be shown to strangers. It does no I/O. */

import { NetError } from "../../net/errors/errors.ts";
import { isLoopback } from "../../net/address.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";
import { findAddresses, isAddress, isIPv6 } from "./program_output.ts";

/** Fields whose value is a name, or a list of names. */
const NAMED = new Set([
  ...["host", "name", "names", "target", "exchange", "subject", "issuer"],
  ...["zone", "next", "nameServers"],
]);
/** Fields of the program, which a hostile certificate with such names must not change. */
const FIXED = new Set(["step", "status", "kind", "protocol", "version", "cipher", "signature"]);
/** Fields that identify a server and say nothing else. */
const SECRET = new Set(["fingerprint", "pin", "greeting"]);
/** Fields that may contain anything, such as cookies. */
const FREE = new Set(["headers", "trailers", "answers", "only", "both"]);
/** A URL: its scheme, a user with a password, the host, and the rest. */
const URLS =
  /\b([a-z][a-z\d+.-]{0,20}:\/\/)(?:[^\s/?#@]*@)?([^\s/?#,;]+)(\/?[?#][^\s,;]*|\/[^\s,;]+)?/gi;
/** Labels with dots in between, which may be a name. */
const WORDS = /[\w-]+(?:\.[\w-]+)*/g;
/** A host name with a top-level domain, and one that replaces another. */
const NAME = /^(?:[a-z\d-]+\.)+[a-z]{2,}$/;
const MADE = /^host-\d+\.example$/;
/** Fewest characters of a name that is no domain name, so that texts stay readable. */
const LEAST = 4;
const WITH_PORT = /\b(\d{1,3}(?:\.\d{1,3}){3})(:\d{1,5})\b/g;
/** Separates an address from its port meanwhile. It is for private use, so that no text has it. */
const MARK = "\uE000";
const MAC = /\b(?:[\da-f]{2}[:-]){5}[\da-f]{2}\b/gi;

/**
 * Returns a diagnosis in which every host name, address, path and key is replaced. Equal names stay equal:
 * `host-1.example`, `192.0.2.1`. Loopback addresses and `localhost` stay as they are. Headers and DNS
 * records are left out.
 */
export function anonymize(diagnosis: Diagnosis): Diagnosis {
  const names = new Names();
  collect(diagnosis, names);
  return replace(diagnosis, names) as Diagnosis;
}

/** The replacements so far. */
class Names {
  /** The replacements of domain names in lower case. */
  readonly #hosts = new Map<string, string>();
  /** The replacements of other texts, such as those in certificates. */
  readonly #texts = new Map<string, string>();
  /** Finds any of these texts; undefined after a change. */
  #anyText: RegExp | undefined;
  readonly #addresses = new Map<string, string>();
  #counts = { 4: 0, 6: 0, host: 0 };

  /** Adds a name. A wildcard belongs to the name behind it. */
  addHost(given: string): void {
    const host = given.toLowerCase().replace(/^\*\./, "").replace(/\.$/, "");
    if (host === "" || host === "localhost" || isAddress(host)) return;
    if (!/^[\w-]+(?:\.[\w-]+)*$/.test(host)) return this.addText(given, this.#texts.get(given));
    if (this.#hosts.has(host)) return;
    this.#hosts.set(host, this.#nextHost());
    // Other names of the same domain may be in texts.
    const parent = /^[^.]+\.(.+\..+)$/.exec(host)?.[1];
    if (parent !== undefined) this.addHost(parent);
  }

  /** Adds a text that is not a domain name. */
  addText(text: string, other = this.#nextHost()): void {
    if (text.length < LEAST || !/[\p{L}\p{N}]/u.test(text)) return;
    this.#texts.set(text, other);
    this.#anyText = undefined;
  }

  text(text: string): string {
    let clean = text.replace(
      URLS,
      (_, scheme: string, host: string, rest?: string) => scheme + host + (rest ? "/…" : ""),
    );
    if (this.#texts.size > 0) {
      clean = clean.replace(this.#anyText ??= this.#makePattern(), (one) => this.#texts.get(one)!);
    }
    clean = clean.replace(MAC, "02:00:00:00:00:00")
      .replace(
        WORDS,
        (word, at: number, all: string) => {
          if (all.startsWith("://", at + word.length)) return word;
          return this.#host(word, /(?:^|[^/]|\/\/)$/.test(all.slice(Math.max(at - 2, 0), at))) ??
            word;
        },
      )
      .replace(WITH_PORT, `$1${MARK}$2`);
    let shown = "";
    let at = 0;
    for (const { address, start, end } of findAddresses(clean)) {
      shown += clean.slice(at, start) + this.#address(address);
      at = end;
    }
    return (shown + clean.slice(at)).replaceAll(MARK, "");
  }

  /** A certificate may have thousands of names, so all are looked for at once. The longest one counts. */
  #makePattern(): RegExp {
    const longestFirst = [...this.#texts.keys()].sort((a, b) => b.length - a.length);
    return new RegExp(longestFirst.map((text) => RegExp.escape(text)).join("|"), "g");
  }

  #nextHost(): string {
    return `host-${++this.#counts.host}.example`;
  }

  /**
   * Returns the replacement of a name that is known, or that is in a known domain. A word outside of a
   * path that looks like a name is one, too: servers tell names in their greetings.
   */
  #host(word: string, isOutsidePath: boolean): string | undefined {
    const name = word.toLowerCase();
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const [, ...parents] = name.split(".");
    const isKnown = parents.some((_, i) => this.#hosts.has(parents.slice(i).join(".")));
    const isName = isOutsidePath && NAME.test(name) && !MADE.test(name);
    if (parents.length === 0 || !(isKnown || isName)) return undefined;
    const made = this.#nextHost();
    this.#hosts.set(name, made);
    return made;
  }

  #address(address: string): string {
    const bare = address.replace(/%.*$/, "");
    if (isLoopback(bare) || bare === "0.0.0.0" || bare === "::") return address;
    const known = this.#addresses.get(bare);
    if (known !== undefined) return known;
    const family = isIPv6(bare) ? 6 : 4;
    const number = ++this.#counts[family];
    // The blocks for documentation (RFC 5737, RFC 3849).
    const block = ["192.0.2", "198.51.100", "203.0.113"][Math.floor(number / 255)] ?? "233.252.0";
    const made = family === 6
      ? `2001:db8::${number.toString(16)}`
      : `${block}.${(number - 1) % 254 + 1}`;
    this.#addresses.set(bare, made);
    return made;
  }
}

/** Collects the names in the fields that contain names, and those in URLs. */
function collect(value: unknown, names: Names, field = ""): void {
  if (typeof value === "string") {
    if (NAMED.has(field)) names.addHost(value);
    if (field === "url" || field === "location") {
      const url = URL.parse(value, "http://localhost/");
      if (url !== null) names.addHost(url.hostname.replace(/^\[|\]$/g, ""));
      // It may be in a text as it is.
      if (!url?.host) names.addText(value, "…");
    }
  } else if (Array.isArray(value)) {
    for (const one of value) collect(one, names, field);
  } else if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    // The names of interfaces say nothing.
    for (const [key, one] of Object.entries(value)) {
      if (key !== "interfaces") collect(one, names, key);
    }
  }
}

function replace(value: unknown, names: Names): unknown {
  if (typeof value === "string") return names.text(value);
  if (Array.isArray(value)) return value.map((one) => replace(one, names));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof NetError) {
    const { kind, phase, message } = value;
    return new NetError(names.text(message), { kind, phase });
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      hidden(key, one) ?? (FIXED.has(key) ? one : replace(one, names)),
    ]),
  );
}

/** Returns the replacement of a field that is left out; undefined for other fields. */
function hidden(key: string, value: unknown): unknown {
  if (SECRET.has(key) && value !== undefined) return "…";
  // A redirect within the server is a path.
  if (key === "location" && !/^[a-z][a-z\d+.-]*:\/\//i.test(`${value}`)) return value && "/…";
  if (!FREE.has(key) || value === undefined) return undefined;
  if (!Array.isArray(value)) return {};
  return Array.isArray(value[0]) ? value.map(() => []) : [];
}
