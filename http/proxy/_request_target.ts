import { splitWords } from "../../net/text.ts";
import { parseList } from "../header_list.ts";
import { toLatin1 } from "../internal/http1_bytes.ts";
import { httpDate } from "../internal/http_date.ts";
import type { Http1Request } from "../http1/codec.ts";
import { Known } from "../internal/http1_fields.ts";
import { type ConnectionOption, valuesOf } from "./_head.ts";
import { connectionLine, ProxyRefusal } from "./_error_pages.ts";
import type { Target } from "./_target_rules.ts";

/** The parsed target of a request. */
export interface RequestTarget {
  readonly target: Target;
  /** The authority, as the client sent it. */
  readonly authority: string;
  /** The path, as the client sent it. It is never empty. */
  readonly path: string;
}

/** Reads a target in absolute form (RFC 9112 §3.2.2). The path stays unchanged. */
export function readTarget(
  { method, target }: Http1Request,
  targetOf: (authority: string) => Target,
): RequestTarget {
  if (!/^http:\/\//i.test(target)) {
    throw new ProxyRefusal(400, "The target is no URL of http; use CONNECT for others");
  }
  let end = 7;
  while (end < target.length && target[end] !== "/" && target[end] !== "?") end++;
  const authority = target.slice(7, end);
  const rest = target.slice(end);
  // RFC 9112 §3.2.4: OPTIONS with an empty path means the whole server.
  const path = rest === ""
    ? (method === "OPTIONS" ? "*" : "/")
    : rest[0] === "?"
    ? `/${rest}`
    : rest;
  return { target: targetOf(authority), authority, path };
}

/** The longest part of a target that a log shows. */
const SHOWN = 2048;

/** Returns a target for a log, shortened and without a password, even if it is malformed. */
export function shownTarget(target: string): string {
  const shown = target.includes("@") ? withoutLogin(target) : target;
  return shown.length > SHOWN ? `${shown.slice(0, SHOWN)}...` : shown;
}

function withoutLogin(target: string): string {
  return target
    // The part after the colon is no port. It may be a password that contains a slash.
    .replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?:[]*:(?!\d*(?:[/?]|$)).*@/i, "$1***@")
    .replace(/^([a-z][a-z\d+.-]*:\/\/|)[^/?]*@/i, "$1***@")
    .replaceAll(/(^|\/)[^/?:]*:[^/?]*@/g, "$1***@");
}

/** A response of the proxy itself. */
export interface HereAnswer {
  answer(connection: ConnectionOption): Uint8Array;
}

/** Fields that the response to a TRACE must not show (RFC 9110 §9.3.8). */
const SECRET = new Set(["authorization", "cookie", "proxy-authorization"]);

/**
 * Handles Max-Forwards (RFC 9110 §7.6.2). Returns the response if the request must not be forwarded,
 * otherwise the decremented value, or undefined without a limit.
 */
export function answerHere(
  head: Http1Request,
  maxForwards: string | undefined,
): HereAnswer | number | undefined {
  const { method } = head;
  if (maxForwards === undefined || (method !== "TRACE" && method !== "OPTIONS")) return undefined;
  if (!/^\d{1,9}$/.test(maxForwards)) throw new ProxyRefusal(400, "The Max-Forwards is malformed");
  if (Number(maxForwards) > 0) return Number(maxForwards) - 1;
  if (method === "OPTIONS") {
    return {
      answer: (connection) =>
        answer(
          "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE, CONNECT",
          "",
          connection,
        ),
    };
  }
  let text = `TRACE ${head.target} HTTP/1.${head.minor}\r\n`;
  for (const [name, value] of head.fields) {
    if (!SECRET.has(name.toLowerCase())) text += `${name}: ${value}\r\n`;
  }
  return {
    answer: (connection) => answer("Content-Type: message/http", `${text}\r\n`, connection),
  };
}

function answer(line: string, body: string, connection: ConnectionOption): Uint8Array {
  return toLatin1(
    `HTTP/1.1 200 OK\r\nDate: ${httpDate()}\r\n${line}\r\nContent-Length: ${body.length}\r\n` +
      `${connectionLine(connection)}\r\n${body}`,
  );
}

/** Returns whether a request has already passed a proxy of this name (RFC 9110 §7.6.3). */
export function hasPassed({ fields }: Http1Request, via: string): boolean {
  const all = valuesOf(fields, Known.via);
  return all !== "" && parseList(all, "comment").some((hop) => splitWords(hop)[1] === via);
}
