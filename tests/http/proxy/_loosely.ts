/**
 * Whether another proxy keeps a rule of the raw cases, where everything that the RFCs leave to a
 * proxy counts as right: order and case of lines, the fields that it adds, which error it reports.
 *
 * @module
 */

import { mergeChunks, runCase } from "./_support.ts";
import type { ProxyCase } from "./cases.ts";

/** How long a case may take with another proxy, in milliseconds. */
const PATIENCE = 4000;

const HOST = "Host: {o}\r\n";
const got = (lines: string) => `GET / HTTP/1.1\r\n${HOST}${lines}\r\n`;
const posted = (lines: string, body: string) => `POST / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
const LENGTH = (body: string) => posted(`Content-Length: ${body.length}\r\n`, body);

/**
 * What a proxy may forward where this one refuses a request, or forwards it otherwise: by name of
 * the case, all that the server may get.
 */
const ALLOWED: Record<string, string> = {
  // RFC 9112 §2.2 and §5.2: a bare LF may end a line, a bare CR and a fold may become a space.
  "a bare LF: 400": got("X: a\r\nY: b\r\n"),
  "a bare CR: 400": got("X: a b\r\n"),
  "a folded line: 400": got("X: a b\r\n"),
  // RFC 9112 §3: a lenient parser may take any blanks between the parts.
  "two spaces in the request line: 400": got(""),
  // RFC 9110 §8.6: equal lengths may become one.
  "two equal lengths: 400": LENGTH("a"),
  "a list of lengths: 400": LENGTH("a"),
  // RFC 9112 §6.3: chunks may override a length.
  "a length and chunks: 400": LENGTH(""),
  // Limits are up to the proxy.
  "too many fields: 431": got("X: y\r\n".repeat(120)),
  "a head that is too long: 431": got(`X: ${"y".repeat(900)}\r\n`.repeat(40)),
  "a target that is too long: 414": got("").replace("/", `/${"y".repeat(17_000)}`),
  // RFC 9110 §6.5.1 and RFC 9112 §6.1: chunks may become a length, trailers may be dropped.
  "a chunked body, without its extensions": LENGTH("abcde"),
  "trailers, but for framing and routing": LENGTH("a"),
  "trailers, but for what ends at a proxy": LENGTH(""),
};

/** What a client may get where this proxy forwards more: by name of the case. */
const ALLOWED_DOWN: Record<string, string> = {
  // RFC 9110 §6.5.1: trailers may be dropped.
  "a chunked response, its trailers too":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
};

/** Runs a case against another proxy; returns what is wrong with what came, or undefined. */
export async function complaint(one: ProxyCase, port: number): Promise<string | undefined> {
  let seen;
  try {
    // A server that is asked after all answers, so that nobody waits.
    const replies = one.replies ?? ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"];
    seen = await runCase(
      { ...one, replies: one.tunnel ? one.replies : replies },
      port,
      () => Promise.resolve(),
      PATIENCE,
    );
  } catch (error) {
    return `it hangs or breaks: ${error instanceof Error ? error.message : error}`;
  }
  const { requests, fill } = seen;
  const merge = (text: string) => one.merged ? mergeChunks(text) : text;
  const [up, down] = [merge(seen.up), merge(seen.down)];
  const allowed = ALLOWED[one.name];
  if (
    allowed !== undefined && loosely(up.replace(/<[^>]*>$/, "")) === loosely(fill(allowed)) &&
    /^HTTP\/1\.[01] 200/.test(down)
  ) return undefined;
  if (!asksAsTold(one, up, requests, fill)) return `the server got ${JSON.stringify(up)}`;
  const { connections } = seen;
  if (connections !== (one.connections ?? connections)) return `${connections} connections`;
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
  for (const also of [one.also, ALLOWED_DOWN[one.name]]) {
    if (also !== undefined && loosely(down) === loosely(fill(also))) return true;
  }
  if (typeof one.down === "number") {
    // Another status of the same kind is as good.
    const kind = one.down >= 500 && one.down !== 501 && one.down !== 505 ? "5" : "[45]";
    return new RegExp(`^HTTP/1\\.[01] ${kind}`).test(down);
  }
  return loosely(down, one.exact) === loosely(fill(one.down), one.exact);
}

/** Fields that a proxy may add, or set by itself. */
const OWN =
  /^(via|date|connection|proxy-connection|proxy-support|keep-alive|proxy-agent|x-forwarded-for|forwarded|x-cache|x-cache-lookup|cache-status):/i;
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
