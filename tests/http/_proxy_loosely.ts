/**
 * Whether another proxy keeps a rule of the raw cases, where everything that the RFCs leave to a
 * proxy counts as right: order and case of lines, the fields that it adds, which error it reports.
 *
 * @module
 */

import { mergeChunks, runCase } from "./_proxy.ts";
import type { ProxyCase } from "./proxy_cases.ts";

/** How long a case may take with another proxy, in milliseconds. */
const PATIENCE = 4000;

/** Runs a case against another proxy; returns what is wrong with what came, or undefined. */
export async function complaint(one: ProxyCase, port: number): Promise<string | undefined> {
  let seen;
  try {
    seen = await runCase(one, port, () => Promise.resolve(), PATIENCE);
  } catch (error) {
    return `it hangs or breaks: ${error instanceof Error ? error.message : error}`;
  }
  const { requests, fill } = seen;
  const merge = (text: string) => one.merged ? mergeChunks(text) : text;
  const [up, down] = [merge(seen.up), merge(seen.down)];
  if (!asksAsTold(one, up, requests, fill)) return `the server got ${JSON.stringify(up)}`;
  return answersAsTold(one, down, fill) ? undefined : `the client got ${JSON.stringify(down)}`;
}

function asksAsTold(
  one: ProxyCase,
  up: string,
  requests: readonly string[],
  fill: (text: string) => string,
): boolean {
  if (typeof one.up !== "string") {
    const sorted = (list: readonly string[]) =>
      list.map((text) => loosely(text)).sort().join("\n---\n");
    return sorted(requests) === sorted(one.up.map(fill));
  }
  return [one.up, one.alsoUp ?? one.up].some((text) =>
    loosely(up, one.exact) === loosely(fill(text), one.exact)
  );
}

function answersAsTold(one: ProxyCase, down: string, fill: (text: string) => string): boolean {
  if (one.also !== undefined && loosely(down) === loosely(fill(one.also))) return true;
  if (typeof one.down === "number") {
    // Another status of the same kind is as good.
    const kind = one.down >= 500 && one.down !== 501 && one.down !== 505 ? "5" : "[45]";
    return new RegExp(`^HTTP/1\\.[01] ${kind}`).test(down);
  }
  return loosely(down, one.exact) === loosely(fill(one.down), one.exact);
}

/** Fields that a proxy may add, or set by itself. */
const OWN =
  /^(via|date|connection|proxy-connection|keep-alive|proxy-agent|x-forwarded-for|forwarded|x-cache|x-cache-lookup|cache-status):/i;
/** What Squid adds to a request that says nothing about caches. */
const ADDED = /^cache-control: max-age=\d+$/i;

function loosely(text: string, exact = false): string {
  return text.replaceAll(/HTTP\/1\.[01]/g, "HTTP/1.1").split("\r\n\r\n").map((part) => {
    const [first, ...lines] = part.split("\r\n");
    const kept = lines.filter((line) => !OWN.test(line) && !ADDED.test(line));
    if (exact) return [first, ...kept].join("\r\n");
    const plain = kept.map((line) =>
      line.replace(/^[^:]*:[ \t]*/, (name) => `${name.trim().toLowerCase()} `)
    );
    // The reason is for people, and a proxy may write its own (RFC 9112 §4).
    return [first?.replace(/^(HTTP\/1\.1 \d{3}) .*/, "$1"), ...plain.sort()].join("\r\n");
  }).join("\r\n\r\n");
}
