import { lowerAscii } from "../../net/text.ts";
import { hasMember } from "../header_list.ts";
import { toLatin1 } from "../internal/http1_bytes.ts";
import { httpDate } from "../internal/http_date.ts";
import {
  type Http1Fields,
  Known,
  knownField,
  knownName,
  type RawFields,
  rawOf,
  STRIDE,
} from "../internal/http1_fields.ts";
import type { Http1Request, Http1Response } from "../http1/codec.ts";

/** Known fields that are not forwarded (RFC 9110 §7.6.1), or that the proxy writes itself. */
const HOP_FIELDS = [
  Known.transferEncoding,
  Known.connection,
  Known.upgrade,
  Known.te,
  Known.keepAlive,
  Known.proxyConnection,
  Known.proxyAuthorization,
  Known.proxyAuthenticate,
  Known.proxyAuthenticationInfo,
  Known.http2Settings,
];
const HOP = flags(...HOP_FIELDS);
/** The names of the fields that are not forwarded, in lower case. */
export const HOP_NAMES: ReadonlySet<string> = new Set(HOP_FIELDS.map(knownName));
/** Fields that `Connection` cannot remove: the framing and the host. */
const FRAMING = flags(Known.contentLength, Known.transferEncoding, Known.host);
/** Fields that are not allowed as trailers (RFC 9110 §6.5.1). */
const NOT_TRAILERS = flags(
  Known.contentLength,
  Known.host,
  Known.authorization,
  Known.expect,
  Known.maxForwards,
  Known.trailer,
  Known.wwwAuthenticate,
);
const NO_BODY = flags(Known.contentLength);
const NONE = flags();
const NO_NAMES: ReadonlySet<string> = new Set();
const MAX_FORWARDS = flags(Known.maxForwards);

function flags(...known: number[]): Uint8Array {
  const table = new Uint8Array(32);
  for (const one of known) table[one] = 1;
  return table;
}

/** The changes to the head of a request. */
export interface Outgoing {
  /** The path; for a next proxy, the whole URL. */
  readonly target: string;
  readonly host: string;
  /** The decremented Max-Forwards of TRACE and OPTIONS. */
  readonly maxForwards: number | undefined;
  /** The received Content-Length, for fields that a hook has changed. */
  readonly length: string | undefined;
  /** The Proxy-Authorization for the next proxy. */
  readonly authorization: string | undefined;
  /** Whether the server should close the connection after its response. */
  readonly close: boolean;
  readonly via: string;
  /** The fields of the trace, which replace those of the client. */
  readonly trace?: Headers;
}

/** Returns the head of a request to forward. */
export function requestHead(head: Http1Request, out: Outgoing): string {
  const { fields, framing, minor } = head;
  const named = namesOf(head.connection);
  const names = out.trace === undefined ? named : named.union(new Set(out.trace.keys()));
  const raw = rawOf(fields);
  const { text, at } = raw ?? written(fields);
  const drop = out.maxForwards === undefined ? NONE : MAX_FORWARDS;
  let lines = `${head.method} ${out.target} HTTP/1.1\r\n`;
  let hosted = false;
  let run = firstLine(at, text);
  for (let i = 0; i < at.length; i += STRIDE) {
    const known = at[i + 4]!;
    if (known === 0 && names.size === 0) continue;
    const start = at[i]!;
    const next = i + STRIDE < at.length ? at[i + STRIDE]! : text.length - 2;
    if (known === Known.host) {
      hosted = true;
      if (text.slice(at[i + 2], at[i + 3]) === out.host) continue;
      lines += `${text.slice(run, at[i + 1])}: ${out.host}\r\n`;
      run = next;
    } else if (
      HOP[known] === 1 || drop[known] === 1 || isNamed(known, text, at, i, names) ||
      (raw === undefined && known === Known.contentLength)
    ) {
      if (start > run) lines += text.slice(run, start);
      run = next;
    }
  }
  if (run < text.length - 2) lines += text.slice(run, -2);
  if (!hosted) lines += `Host: ${out.host}\r\n`;
  if (raw === undefined && out.length !== undefined) lines += `Content-Length: ${out.length}\r\n`;
  if (framing === "chunked") lines += "Transfer-Encoding: chunked\r\n";
  if (out.maxForwards !== undefined) lines += `Max-Forwards: ${out.maxForwards}\r\n`;
  if (wantsWebSocket(head)) lines += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  else if (out.close) lines += "Connection: close\r\n";
  if (out.authorization !== undefined) lines += `Proxy-Authorization: ${out.authorization}\r\n`;
  for (const [name, value] of out.trace ?? []) lines += `${name}: ${value}\r\n`;
  return `${lines}Via: 1.${minor} ${out.via}\r\n\r\n`;
}

/** The value of `Connection` for the client; undefined for no field. */
export type ConnectionOption = "close" | "keep-alive" | undefined;

/** Returns the value of `Connection` in the response to a request (RFC 9112 §9.3). */
export function connectionOf(head: Http1Request | undefined, close: boolean): ConnectionOption {
  return close ? "close" : head?.minor === 0 ? "keep-alive" : undefined;
}

/** The changes to the head of a response. */
export interface Returning {
  readonly framing: "chunked" | "plain";
  /** The received Content-Length, for fields that a hook has changed. */
  readonly length: string | undefined;
  readonly connection: ConnectionOption;
  /** Whether to announce that logins of the connection work. */
  readonly sessionLogin: boolean;
  readonly via: string;
}

/** Returns the head of a response to forward. */
export function responseHead(head: Http1Response, out: Returning): string {
  const { fields, status, minor } = head;
  const names = namesOf(head.connection);
  const raw = rawOf(fields);
  const { text, at } = raw ?? written(fields);
  const drop = status < 200 || status === 204 ? NO_BODY : NONE;
  // Interim responses are not cached, and need no date.
  let dated = status < 200;
  let lines = `HTTP/1.1 ${status} ${head.reason}\r\n`;
  let run = firstLine(at, text);
  for (let i = 0; i < at.length; i += STRIDE) {
    const known = at[i + 4]!;
    if (known === 0 && names.size === 0) continue;
    dated ||= known === Known.date;
    if (
      HOP[known] === 1 || drop[known] === 1 || isNamed(known, text, at, i, names) ||
      (raw === undefined && known === Known.contentLength)
    ) {
      const start = at[i]!;
      if (start > run) lines += text.slice(run, start);
      run = i + STRIDE < at.length ? at[i + STRIDE]! : text.length - 2;
    }
  }
  if (run < text.length - 2) lines += text.slice(run, -2);
  if (raw === undefined && out.length !== undefined && drop === NONE) {
    lines += `Content-Length: ${out.length}\r\n`;
  }
  if (out.framing === "chunked") lines += "Transfer-Encoding: chunked\r\n";
  if (status === 101) lines += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  else if (out.sessionLogin) {
    // RFC 4559 §6: clients require this field before they try such a login through a proxy.
    const option = out.connection === undefined ? "" : `${out.connection}, `;
    lines +=
      `Proxy-Support: Session-Based-Authentication\r\nConnection: ${option}Proxy-Support\r\n`;
  } else if (out.connection !== undefined) lines += `Connection: ${out.connection}\r\n`;
  // RFC 9110 §6.6.1: a recipient that forwards a message without a date adds one.
  if (!dated) lines += `Date: ${httpDate()}\r\n`;
  return `${lines}Via: 1.${minor} ${out.via}\r\n\r\n`;
}

/**
 * Returns the fields of a response to forward as `Headers`. They do not include `Content-Length`, which
 * depends on the framing.
 */
export function passedFields({ fields, connection }: Http1Response): [string, string][] {
  const names = namesOf(connection);
  const { text, at } = rawOf(fields) ?? written(fields);
  const passed: [string, string][] = [];
  for (let i = 0; i < at.length; i += STRIDE) {
    const known = at[i + 4]!;
    if (HOP[known] === 1 || known === Known.contentLength) continue;
    if (isNamed(known, text, at, i, names)) continue;
    passed.push([text.slice(at[i], at[i + 1]), text.slice(at[i + 2], at[i + 3])]);
  }
  return passed;
}

/** Returns the lines of the trailers to forward. */
export function passedTrailers(
  fields: Http1Fields | undefined,
  connection: readonly string[],
): string {
  if (fields === undefined) return "";
  const { text, at } = rawOf(fields) ?? written(fields);
  const names = namesOf(connection);
  let lines = "";
  for (let i = 0; i < at.length; i += STRIDE) {
    const known = at[i + 4]!;
    if (HOP[known] === 1 || NOT_TRAILERS[known] === 1) continue;
    if (isNamed(known, text, at, i, names)) continue;
    lines += `${text.slice(at[i], at[i + 1])}: ${text.slice(at[i + 2], at[i + 3])}\r\n`;
  }
  return lines;
}

/** Returns the value of a known field; undefined without the field. */
export function valueOf(fields: Http1Fields, known: number): string | undefined {
  const { text, at } = rawOf(fields) ?? written(fields);
  for (let i = 0; i < at.length; i += STRIDE) {
    if (at[i + 4] === known) return text.slice(at[i + 2], at[i + 3]);
  }
  return undefined;
}

/** Returns the values of all lines of a known field, joined by commas. */
export function valuesOf(fields: Http1Fields, known: number): string {
  const { text, at } = rawOf(fields) ?? written(fields);
  let all = "";
  for (let i = 0; i < at.length; i += STRIDE) {
    if (at[i + 4] === known) all += `${text.slice(at[i + 2], at[i + 3])},`;
  }
  return all;
}

/** Returns the size of a received head in bytes; 0 after a change of its fields. */
export function sizeOf(fields: Http1Fields): number {
  return rawOf(fields)?.text.length ?? 0;
}

/**
 * Returns whether a request asks for an upgrade to WebSocket, the only upgrade that is forwarded. The
 * proxy does not interpret the bytes that follow, as with CONNECT.
 */
export function wantsWebSocket({ upgrade, minor }: Http1Request): boolean {
  return minor === 1 && hasMember(upgrade, "websocket");
}

/** Returns whether the end of the connection may end a body, or upgraded or tunnelled data. */
export function endsByConnection(head: Http1Request): boolean {
  return head.minor === 0 || head.method === "CONNECT" || wantsWebSocket(head);
}

function firstLine(at: readonly number[], text: string): number {
  return at.length === 0 ? text.length - 2 : at[0]!;
}

/**
 * Returns the names of fields that `Connection` lists, in lower case. `close` is no field, and
 * `Keep-Alive` is never forwarded. The lookup in a set keeps the cost linear for many names and fields.
 */
function namesOf(connection: readonly string[]): ReadonlySet<string> {
  const names = connection.filter((option) => option !== "close" && option !== "keep-alive");
  return names.length === 0 ? NO_NAMES : new Set(names);
}

function isNamed(
  known: number,
  text: string,
  at: readonly number[],
  i: number,
  names: ReadonlySet<string>,
): boolean {
  return names.size > 0 && FRAMING[known] === 0 &&
    names.has(lowerAscii(text.slice(at[i], at[i + 1])));
}

/** Returns changed fields in the form of received ones. */
function written(fields: Http1Fields): RawFields {
  let text = "";
  const at: number[] = [];
  for (const [name, value] of fields) {
    const known = knownField(toLatin1(name), 0, name.length);
    const start = text.length;
    const valueAt = start + name.length + 2;
    at.push(start, start + name.length, valueAt, valueAt + value.length, known);
    text += `${name}: ${value}\r\n`;
  }
  return { text: `${text}\r\n`, at };
}
