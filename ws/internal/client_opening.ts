import type { Http1Response } from "../../http/http1/codec.ts";
import { hasMember } from "../../http/header_list.ts";
import { TOKEN, toLatin1, VALUE } from "../../http/internal/http1_bytes.ts";
import { consistsOf } from "../../http/internal/http1_fields.ts";
import { lowerAscii } from "../../net/text.ts";
import type { WsCompressionOptions } from "../connection/options.ts";
import { agreedDeflate, type DeflateParameters, offerDeflate } from "./deflate_offer.ts";
import type { WsTarget } from "./client_target.ts";

/** The wishes of a client for its opening handshake (RFC 6455 §4.1). */
export interface Opening {
  readonly headers: Headers;
  /** The subprotocols to offer. */
  readonly protocols: readonly string[];
  /** The compression to offer; undefined for none. */
  readonly compression: WsCompressionOptions | undefined;
}

/** The agreement of client and server. */
export interface Opened {
  /** The subprotocol; empty for none. */
  readonly protocol: string;
  readonly deflate: DeflateParameters | undefined;
}

/** Fields that the handshake itself sets, or that would announce a body. */
const OWN: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Options that set a field of the handshake. */
const OPTION: Readonly<Record<string, string>> = {
  "sec-websocket-protocol": "; use the option protocols",
  "sec-websocket-extensions": "; use the option compression",
};

/**
 * Checks header fields of a caller.
 *
 * @throws {TypeError} If a field is malformed, or belongs to the handshake. The error has no value.
 */
export function readHeaders(given: HeadersInit | undefined, shown: string): Headers {
  let headers: Headers;
  try {
    headers = new Headers(given);
  } catch {
    // The error of Deno shows the value, which may be a secret.
    const name = malformedName(given);
    const which = name === undefined ? "a header field" : `the header field ${name}`;
    throw new TypeError(`Cannot open ${shown}: ${which} has a malformed name or value`);
  }
  for (const [name, value] of headers) {
    // `Headers` accepts control characters, which a strict server refuses (RFC 9110 §5.5).
    if (!consistsOf(value, VALUE)) {
      throw new TypeError(`Cannot open ${shown}: the header field ${name} has a malformed value`);
    }
    if (!OWN.has(name)) continue;
    const hint = OPTION[name] ?? "";
    throw new TypeError(`Cannot open ${shown}: the handshake sets the field ${name}${hint}`);
  }
  return headers;
}

/**
 * Returns the name of the first malformed field, for a message. What follows a character that no name
 * has is left out: it may be a value.
 */
function malformedName(given: HeadersInit | undefined): string | undefined {
  const fields: unknown[] = Array.isArray(given) ? given : Object.entries(given ?? {});
  for (const field of fields) {
    try {
      new Headers([field as [string, string]]);
    } catch {
      const name = String(Array.isArray(field) ? field[0] : "");
      return /^[\w!#$%&'*+.^`|~-]{1,60}/.exec(name)?.[0];
    }
  }
  return undefined;
}

/**
 * Checks the subprotocols to offer (RFC 6455 §4.1): tokens, each of them once.
 *
 * @throws {TypeError} If they are not.
 */
export function readProtocols(given: string | readonly string[], shown: string): string[] {
  const names = [given].flat();
  if (names.some((name) => typeof name !== "string" || name === "" || !consistsOf(name, TOKEN))) {
    throw new TypeError(`Cannot open ${shown}: a subprotocol must be a token, such as "chat"`);
  }
  if (new Set(names).size < names.length) {
    throw new TypeError(`Cannot open ${shown}: a subprotocol must be offered only once`);
  }
  return names;
}

/** Returns the request of the opening handshake. */
export function encodeOpening(
  { url, authorization }: WsTarget,
  { headers, protocols, compression }: Opening,
  key: string,
): Uint8Array<ArrayBuffer> {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${headers.get("host") ?? url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
  ];
  if (protocols.length > 0) lines.push(`Sec-WebSocket-Protocol: ${protocols.join(", ")}`);
  if (compression !== undefined) {
    lines.push(`Sec-WebSocket-Extensions: ${offerDeflate(compression)}`);
  }
  if (authorization !== undefined && !headers.has("authorization")) {
    lines.push(`Authorization: ${authorization}`);
  }
  if (!headers.has("user-agent")) lines.push(`User-Agent: ${navigator.userAgent}`);
  for (const [name, value] of headers) if (name !== "host") lines.push(`${name}: ${value}`);
  return toLatin1(`${lines.join("\r\n")}\r\n\r\n`);
}

/** A server that has accepted the handshake in a way that RFC 6455 §4.1 forbids. */
export class OpeningFault extends Error {}

/**
 * Checks a response 101 (RFC 6455 §4.1).
 *
 * @param head The head of the response.
 * @param accept The expected value of `Sec-WebSocket-Accept`.
 * @param opening The offers of the request.
 * @throws {OpeningFault} If the client must fail the connection. The message continues a sentence.
 */
export function checkOpening(head: Http1Response, accept: string, opening: Opening): Opened {
  const { fields } = head;
  if (
    head.minor === 0 || lowerAscii(fields.get("upgrade") ?? "") !== "websocket" ||
    !hasMember(fields.get("connection"), "upgrade")
  ) {
    throw new OpeningFault("the server switched to another protocol");
  }
  if (fields.get("sec-websocket-accept") !== accept) {
    throw new OpeningFault("the server did not confirm the key; it may speak another protocol");
  }
  const chosen = fields.getAll("sec-websocket-protocol");
  if (chosen.length > 1) throw new OpeningFault("the server chose several subprotocols");
  const [protocol = ""] = chosen;
  if (chosen.length === 1 && !opening.protocols.includes(protocol)) {
    const name = JSON.stringify(protocol.slice(0, 100));
    throw new OpeningFault(`the server chose the subprotocol ${name}, which was not offered`);
  }
  try {
    const extensions = fields.get("sec-websocket-extensions") ?? null;
    return { protocol, deflate: agreedDeflate(extensions, opening.compression) };
  } catch (error) {
    const why = (error as Error).message.replace(/^It /, "it ");
    throw new OpeningFault(`the server breaks the rules of extensions: ${why}`);
  }
}
