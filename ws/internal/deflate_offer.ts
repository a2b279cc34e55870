/**
 * The negotiation of permessage-deflate (RFC 7692 §5 and §7.1): the offer of a client, the answer of a
 * server, and the check of that answer. Pure: text in, text and parameters out.
 *
 * @module
 */

import { parseList } from "../../http/header_list.ts";
import { lowerAscii } from "../../net/text.ts";
import type { WsCompressionOptions } from "../connection/options.ts";

/** The parameters that both sides have agreed on. */
export interface DeflateParameters {
  /** Whether the server compresses each message on its own. */
  readonly serverNoContextTakeover: boolean;
  /** Whether the client compresses each message on its own. */
  readonly clientNoContextTakeover: boolean;
  /** The window of the server's compressor is at most 2 to the power of this, in bytes. */
  readonly serverMaxWindowBits: number;
  /** The window of the client's compressor is at most 2 to the power of this, in bytes. */
  readonly clientMaxWindowBits: number;
}

/** The answer of a server that accepts an offer. */
export interface DeflateAnswer {
  /** The parameters of the connection. */
  readonly parameters: DeflateParameters;
  /** The value of `Sec-WebSocket-Extensions` in the response. */
  readonly header: string;
}

const NAME = "permessage-deflate";
/** The largest window, 32 KiB, and the default of RFC 7692. */
const MAX_BITS = 15;

/** The value of a parameter; true if the parameter has none. */
type Given = string | true;

const PARAMETERS: ReadonlySet<string> = new Set([
  "server_no_context_takeover",
  "client_no_context_takeover",
  "server_max_window_bits",
  "client_max_window_bits",
]);

/** Returns the value of `Sec-WebSocket-Extensions` in the request of a client (RFC 7692 §7.1). */
export function offerDeflate(options: WsCompressionOptions = {}): string {
  const { serverMaxWindowBits = MAX_BITS, clientMaxWindowBits = MAX_BITS } = options;
  return extension(
    options.serverNoContextTakeover,
    options.clientNoContextTakeover,
    serverMaxWindowBits < MAX_BITS && `server_max_window_bits=${serverMaxWindowBits}`,
    // Without this parameter, the server may not choose the window of the client (§7.1.2.2).
    clientMaxWindowBits < MAX_BITS
      ? `client_max_window_bits=${clientMaxWindowBits}`
      : "client_max_window_bits",
  );
}

/**
 * Returns the answer of a server to the offers of a client (RFC 7692 §5.1): the first offer that is
 * valid counts. Undefined if there is none; the connection then has no compression.
 */
export function answerDeflate(
  offers: string | null,
  options: WsCompressionOptions = {},
): DeflateAnswer | undefined {
  for (const member of parseList(offers ?? "")) {
    const given = parametersOf(member);
    const answer = given && answerOffer(given, options);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/**
 * Returns the parameters that a server has accepted; undefined if it has accepted no compression.
 *
 * @throws {TypeError} If the answer does not fit the offer of {@linkcode offerDeflate} for the same
 * options. The client must then fail the connection (RFC 7692 §7.1, RFC 6455 §9.1). Without options
 * there was no offer.
 */
export function agreedDeflate(
  answer: string | null,
  options: WsCompressionOptions | undefined,
): DeflateParameters | undefined {
  const members = parseList(answer ?? "");
  if (members.length === 0) return undefined;
  if (options === undefined) throw new TypeError("It accepts an extension without an offer");
  const given = members.length === 1 ? parametersOf(members[0]!) : undefined;
  if (given === undefined) throw new TypeError("It does not accept permessage-deflate alone");
  return checkAnswer(given, options);
}

function answerOffer(
  given: ReadonlyMap<string, Given>,
  options: WsCompressionOptions,
): DeflateAnswer | undefined {
  const serverOffered = bitsOf(given.get("server_max_window_bits") ?? `${MAX_BITS}`);
  const clientHint = given.get("client_max_window_bits");
  const clientOffered = clientHint === undefined || clientHint === true
    ? MAX_BITS
    : bitsOf(clientHint);
  if (serverOffered === undefined || clientOffered === undefined) return undefined;
  const serverMaxWindowBits = Math.min(serverOffered, options.serverMaxWindowBits ?? MAX_BITS);
  // Only a client that sends the parameter can limit its window.
  const clientMaxWindowBits = clientHint === undefined
    ? MAX_BITS
    : Math.min(clientOffered, options.clientMaxWindowBits ?? MAX_BITS);
  const serverNoContextTakeover = given.has("server_no_context_takeover") ||
    options.serverNoContextTakeover === true;
  const clientNoContextTakeover = given.has("client_no_context_takeover") ||
    options.clientNoContextTakeover === true;
  const header = extension(
    serverNoContextTakeover,
    clientNoContextTakeover,
    (serverMaxWindowBits < MAX_BITS || given.has("server_max_window_bits")) &&
      `server_max_window_bits=${serverMaxWindowBits}`,
    clientMaxWindowBits < MAX_BITS && `client_max_window_bits=${clientMaxWindowBits}`,
  );
  return {
    parameters: {
      serverNoContextTakeover,
      clientNoContextTakeover,
      serverMaxWindowBits,
      clientMaxWindowBits,
    },
    header,
  };
}

function checkAnswer(
  given: ReadonlyMap<string, Given>,
  options: WsCompressionOptions,
): DeflateParameters {
  const serverLimit = options.serverMaxWindowBits ?? MAX_BITS;
  const clientLimit = options.clientMaxWindowBits ?? MAX_BITS;
  const server = bitsOf(given.get("server_max_window_bits") ?? `${MAX_BITS}`);
  const client = bitsOf(given.get("client_max_window_bits") ?? `${MAX_BITS}`);
  if (server === undefined || client === undefined) {
    throw new TypeError("The window bits of permessage-deflate are not a number from 8 to 15");
  }
  if (server > serverLimit) {
    throw new TypeError("It does not limit its window for permessage-deflate as offered");
  }
  const serverNoContextTakeover = given.has("server_no_context_takeover");
  if (options.serverNoContextTakeover && !serverNoContextTakeover) {
    throw new TypeError("It does not agree to server_no_context_takeover");
  }
  return {
    serverNoContextTakeover,
    // The client may do without on its own (§7.1.1.2).
    clientNoContextTakeover: given.has("client_no_context_takeover") ||
      options.clientNoContextTakeover === true,
    serverMaxWindowBits: server,
    clientMaxWindowBits: Math.min(client, clientLimit),
  };
}

/** Returns the extension with its parameters. */
function extension(
  serverAlone: boolean | undefined,
  clientAlone: boolean | undefined,
  ...bits: readonly (string | false)[]
): string {
  const parts = [
    NAME,
    serverAlone && "server_no_context_takeover",
    clientAlone && "client_no_context_takeover",
    ...bits,
  ];
  return parts.filter((part) => part).join("; ");
}

/** One parameter of an extension (RFC 6455 §9.1): a token, and a value with or without quotes. */
const PARAMETER =
  /[ \t]*;[ \t]*([\w!#$%&'*+.^`|~-]+)(?:[ \t]*=[ \t]*(?:([\w!#$%&'*+.^`|~-]+)|"([\w!#$%&'*+.^`|~-]+)"))?[ \t]*/y;

/**
 * Returns the parameters of a permessage-deflate element. Undefined for another extension, and for an
 * element with an unknown parameter, a repeated one, or a value where none may be (§7.1).
 */
function parametersOf(element: string): Map<string, Given> | undefined {
  const end = element.search(/[ \t;]|$/);
  if (lowerAscii(element.slice(0, end)) !== NAME) return undefined;
  const given = new Map<string, Given>();
  for (let at = end; at < element.length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at;
    const [, spelled, token, quoted] = PARAMETER.exec(element) ?? [];
    if (spelled === undefined) return undefined;
    const name = lowerAscii(spelled);
    const value = (token ?? quoted ?? true) as Given;
    if (!PARAMETERS.has(name) || given.has(name)) return undefined;
    if (name.endsWith("takeover") && value !== true) return undefined;
    given.set(name, value);
  }
  return given;
}

/** Returns the window bits of a value: 8 to 15 without a leading zero (§7.1.2). */
function bitsOf(value: Given): number | undefined {
  return value !== true && /^(?:[89]|1[0-5])$/.test(value) ? Number(value) : undefined;
}
