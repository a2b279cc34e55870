import { normalizeHostname } from "../../../net/address.ts";
import { lowerAscii } from "../../../net/text.ts";
import { chainOf, nameOf } from "../../internal/forwarded.ts";
import { isHost } from "../../internal/host_check.ts";
import { TARGET } from "../../internal/http1_bytes.ts";
import { consistsOf } from "../../internal/http1_fields.ts";
import { HOP_NAMES } from "../_head.ts";
import { addressText, type ReverseTarget } from "./_target.ts";
import { hasMember, parseList } from "../../header_list.ts";
import { ProblemError } from "../../problem.ts";
import type { ReverseProxyOptions, ReverseProxyRequest } from "./options.ts";
import type { HttpInfo } from "../../server/options.ts";

/** The framing of the body of a request: its length in bytes, chunks, or no body. */
export type UploadFraming = number | "chunked" | "none";

/** The rules for heads of requests. */
export interface HeadRules {
  readonly name: string;
  readonly host: NonNullable<ReverseProxyOptions["host"]>;
  readonly forwarded: NonNullable<ReverseProxyOptions["forwarded"]>;
  readonly stripPrefix: string;
}

/** Further data for the head of a request. */
export interface OutgoingHead {
  readonly framing: UploadFraming;
  /** The protocols to upgrade to, if the request may be upgraded. */
  readonly upgrade: string | undefined;
  /** Whether to wait for a 100 response before the body is sent. */
  readonly expect: boolean;
  /** The decremented Max-Forwards of OPTIONS. */
  readonly maxForwards: number | undefined;
}

/** Fields that the proxy writes itself, in addition to those of the connection. */
const REPLACED = ["host", "content-length", "expect", "via"];
/** Fields that describe the client. The proxy writes them itself. */
const CLIENT_FIELDS: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);
const DROPPED: ReadonlySet<string> = new Set([...HOP_NAMES, ...REPLACED]);
/** Methods whose requests have a body. An empty body needs Content-Length (RFC 9110 §8.6). */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** Returns the path and the query of a URL, as the client sent them. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start === -1) {
    const query = url.indexOf("?");
    return query === -1 ? "/" : `/${url.slice(query)}`;
  }
  const hash = url.indexOf("#", start);
  return hash === -1 ? url.slice(start) : url.slice(start, hash);
}

/**
 * Returns the path of a request at a target.
 *
 * @throws {ProblemError} If the path would leave the path of the target.
 */
function pathAt(path: string, target: ReverseTarget, { stripPrefix }: HeadRules): string {
  if (stripPrefix !== "" && path.startsWith(stripPrefix)) {
    const next = path[stripPrefix.length];
    if (next === undefined || next === "?") path = `/${path.slice(stripPrefix.length)}`;
    else if (next === "/") path = path.slice(stripPrefix.length);
  }
  if (target.basePath === "") return path;
  if (climbs(path)) throw new ProblemError(400, { detail: "The path has dot segments" });
  return target.basePath + path;
}

/** Returns whether a server may interpret a path as one that leads upwards. */
function climbs(path: string): boolean {
  if (!path.includes("..") && !/%2e/i.test(path)) return false;
  const end = path.indexOf("?");
  const decoded = (end === -1 ? path : path.slice(0, end))
    .replaceAll(/%2e/gi, ".").replaceAll(/%2f|%5c|\\/gi, "/");
  return decoded.split("/").some((segment) => /^\.\.(?:;|$)/.test(segment));
}

/** Returns whether a request has already passed a proxy of this name. */
export function hasPassed(headers: Headers, name: string): boolean {
  const via = headers.get("via");
  return via !== null && via.includes(name) &&
    parseList(via, "comment").some((hop) => hop.split(/[ \t]+/)[1] === name);
}

/** Returns the names of the fields that `Connection` lists, in lower case. */
function namedBy(headers: Headers): ReadonlySet<string> | undefined {
  const connection = headers.get("connection");
  if (connection === null) return undefined;
  const lower = lowerAscii(connection);
  if (lower === "keep-alive" || lower === "close") return undefined;
  return new Set(parseList(lower));
}

/** Returns the head of a request. The fields of `trace` replace those of the client. */
export function requestHead(
  request: Request,
  info: HttpInfo,
  target: ReverseTarget,
  out: OutgoingHead,
  rules: HeadRules,
  trace?: Headers,
): string {
  const path = pathAt(pathOf(request.url), target, rules);
  const host = hostFor(request, info, target, rules);
  const { method, headers } = request;
  const trusted = info.forwarded !== undefined;
  const named = namedBy(headers);
  const passes = (key: string) => trace?.has(key) !== true && isPassed(key, named, trusted);
  const client = linesOf([...clientFields(request, info, rules), ...trace ?? []]);
  return write({ method, path, host, headers }, out, headers, passes, client, rules.name);
}

/** Returns the head of a request that a hook may change. The fields of `trace` replace those of the client. */
export async function rewrittenHead(
  request: Request,
  info: HttpInfo,
  target: ReverseTarget,
  out: OutgoingHead,
  rules: HeadRules,
  rewrite: NonNullable<ReverseProxyOptions["rewrite"]>,
  trace?: Headers,
): Promise<string> {
  const trusted = info.forwarded !== undefined;
  const named = namedBy(request.headers);
  const headers = new Headers();
  for (const [name, value] of request.headers) {
    if (isPassed(name, named, trusted)) headers.append(name, value);
  }
  for (const [name, value] of clientFields(request, info, rules)) headers.append(name, value);
  for (const [name, value] of trace ?? []) headers.set(name, value);
  headers.set("host", hostFor(request, info, target, rules));
  const { method } = request;
  const path = pathAt(pathOf(request.url), target, rules);
  const outgoing: ReverseProxyRequest = { method, target: target.url, path, headers };
  await rewrite(outgoing, request, info);
  const host = headers.get("host") ?? target.host;
  if (!isHost(host)) {
    throw new TypeError(`rewrite must set a valid host, got ${JSON.stringify(host)}`);
  }
  if (!outgoing.path.startsWith("/")) {
    throw new TypeError(
      `rewrite must set a path that begins with /, got ${JSON.stringify(outgoing.path)}`,
    );
  }
  const parts = { method, path: outgoing.path, host, headers };
  // Fields that the hook has set stay, even if Connection of the client names them.
  return write(parts, out, request.headers, (key) => !DROPPED.has(key), "", rules.name);
}

/** The parts of a head. */
interface Parts {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Headers;
}

/** Returns a head. `sent` are the fields of the client. */
function write(
  { method, path, host, headers }: Parts,
  { framing, upgrade, expect, maxForwards }: OutgoingHead,
  sent: Headers,
  passes: (key: string) => boolean,
  client: string,
  name: string,
): string {
  if (!consistsOf(path, TARGET)) {
    throw new ProblemError(400, { detail: "The target of the request is malformed" });
  }
  let lines = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  headers.forEach((value, key) => {
    if (!passes(key)) return;
    if (maxForwards !== undefined && key === "max-forwards") value = String(maxForwards);
    lines += `${key}: ${value}\r\n`;
  });
  if (framing === "chunked") lines += "Transfer-Encoding: chunked\r\n";
  else if (framing !== "none") lines += `Content-Length: ${framing}\r\n`;
  else if (WITH_BODY.has(method)) lines += "Content-Length: 0\r\n";
  if (expect) lines += "Expect: 100-continue\r\n";
  const trailers = hasMember(sent.get("te"), "trailers");
  if (trailers) lines += "TE: trailers\r\n";
  if (upgrade !== undefined) {
    lines += `Connection: ${trailers ? "TE, " : ""}Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  } else if (trailers) lines += "Connection: TE\r\n";
  const via = sent.get("via");
  return `${lines}${client}Via: ${via === null ? "" : `${via}, `}1.1 ${name}\r\n\r\n`;
}

/** Returns whether a field of the client is forwarded unchanged. */
function isPassed(
  name: string,
  named: ReadonlySet<string> | undefined,
  trusted: boolean,
): boolean {
  if (DROPPED.has(name) || named?.has(name) === true) return false;
  // Servers with an interface such as CGI treat an underscore as a hyphen (RFC 3875 §4.1.18).
  if (name.includes("_")) name = name.replaceAll("_", "-");
  if (CLIENT_FIELDS.has(name)) return false;
  return trusted || !(name.startsWith("x-forwarded-") || name === "x-real-ip");
}

function hostFor(
  request: Request,
  info: HttpInfo,
  target: ReverseTarget,
  { host }: HeadRules,
): string {
  return host === "client" ? hostOf(request, info) ?? target.host : target.host;
}

/** Returns the host that the client requested; undefined if there is none. */
function hostOf(request: Request, info: HttpInfo): string | undefined {
  const host = info.forwarded?.host ?? request.headers.get("host");
  return host !== null && isHost(host) ? host : undefined;
}

function linesOf(fields: Iterable<[name: string, value: string]>): string {
  let lines = "";
  for (const [name, value] of fields) lines += `${name}: ${value}\r\n`;
  return lines;
}

/** Returns the fields that describe the client. */
function clientFields(
  request: Request,
  info: HttpInfo,
  { forwarded }: HeadRules,
): [name: string, value: string][] {
  if (forwarded === "none") return [];
  const known = info.forwarded;
  const chain = (known === undefined ? [nameOf(info.remoteAddr)] : chainOf(known))
    .map(normalizeHostname);
  const proto = known?.proto ?? (request.url.startsWith("https:") ? "https" : "http");
  const host = hostOf(request, info);
  const fields: [string, string][] = [];
  if (forwarded !== "forwarded") {
    fields.push(["X-Forwarded-For", chain.join(", ")], ["X-Forwarded-Proto", proto]);
    if (host !== undefined) fields.push(["X-Forwarded-Host", host]);
  }
  if (forwarded !== "x-forwarded") {
    const value = chain.map((hostname, index) => {
      const address = addressText(hostname);
      const element = `for=${address.startsWith("[") ? `"${address}"` : address}`;
      if (index > 0) return element;
      return `${element};proto=${proto}${host === undefined ? "" : `;host="${host}"`}`;
    });
    fields.push(["Forwarded", value.join(", ")]);
  }
  return fields;
}
