/** Replaces names and addresses in a diagnosis, so that it can be shown to strangers. It does no I/O. */

import { NetError } from "../../net/errors/errors.ts";
import { isLoopback } from "../../net/address.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";
import { findAddresses, isAddress, isIPv6 } from "./program_output.ts";

/** Fields whose value is a name, or a list of names. */
const NAMED = new Set(["host", "name", "names", "target", "exchange", "subject", "issuer"]);
/** Fields that identify a server and say nothing else. */
const SECRET = new Set(["fingerprint", "pin", "greeting"]);
/** Fields that may contain anything, such as cookies. */
const FREE = new Set(["headers", "trailers", "answers"]);
const WITH_PORT = /\b(\d{1,3}(?:\.\d{1,3}){3})(:\d{1,5})\b/g;
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
  readonly #hosts = new Map<string, string>();
  readonly #addresses = new Map<string, string>();
  readonly #made = new Set<string>();
  #counts = { 4: 0, 6: 0 };

  /** Adds a name. A wildcard belongs to the name behind it. */
  addHost(given: string): void {
    const host = given.replace(/^\*\./, "").replace(/\.$/, "");
    const isPlain = host === "" || host === "localhost";
    if (isPlain || isAddress(host) || this.#hosts.has(host)) return;
    this.#hosts.set(host, `host-${this.#hosts.size + 1}.example`);
    // Other names of the same domain may be in texts.
    const parent = /^[^.]+\.(.+\..+)$/.exec(host)?.[1];
    if (parent !== undefined) this.addHost(parent);
  }

  text(text: string): string {
    let clean = text.replace(/(\bhttps?:\/\/[^\s/]+)\/[^\s,;]+/g, "$1/…");
    const longestFirst = [...this.#hosts].sort(([a], [b]) => b.length - a.length);
    for (const [host, other] of longestFirst) clean = clean.replaceAll(host, other);
    clean = clean.replace(MAC, "02:00:00:00:00:00")
      .replace(WITH_PORT, (_, address, port) => this.#address(address) + port);
    let shown = "";
    let at = 0;
    for (const { address, start, end } of findAddresses(clean)) {
      shown += clean.slice(at, start) + this.#address(address);
      at = end;
    }
    return shown + clean.slice(at);
  }

  #address(address: string): string {
    const bare = address.replace(/%.*$/, "");
    if (isLoopback(bare) || bare === "0.0.0.0" || bare === "::") return address;
    const known = this.#addresses.get(bare);
    if (this.#made.has(bare)) return bare;
    if (known !== undefined) return known;
    const family = isIPv6(bare) ? 6 : 4;
    const number = ++this.#counts[family];
    // The blocks for documentation (RFC 5737, RFC 3849).
    const block = ["192.0.2", "198.51.100", "203.0.113"][Math.floor(number / 255)] ?? "233.252.0";
    const made = family === 6
      ? `2001:db8::${number.toString(16)}`
      : `${block}.${(number - 1) % 254 + 1}`;
    this.#addresses.set(bare, made);
    this.#made.add(made);
    return made;
  }
}

/** Collects the names in the fields that contain names, and those in URLs. */
function collect(value: unknown, names: Names, field = ""): void {
  if (typeof value === "string") {
    if (NAMED.has(field)) names.addHost(value);
    const url = /^(?:url|location)$/.test(field) ? URL.parse(value) : null;
    if (url !== null) names.addHost(url.hostname.replace(/^\[|\]$/g, ""));
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
    Object.entries(value).map(([key, one]) => [key, hidden(key, one) ?? replace(one, names)]),
  );
}

/** Returns the replacement of a field that is left out; undefined for other fields. */
function hidden(key: string, value: unknown): unknown {
  if (SECRET.has(key) && value !== undefined) return "…";
  if (!FREE.has(key) || value === undefined) return undefined;
  return Array.isArray(value) ? [] : {};
}
