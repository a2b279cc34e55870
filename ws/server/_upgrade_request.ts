import { getLogger } from "@logtape/logtape";
import { type TakeOver, takeOver } from "../../http/server/take_over.ts";
import { hasMember, parseList } from "../../http/header_list.ts";
import { formatAddress } from "../../net/address.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { lowerAscii } from "../../net/text.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { WsConnection } from "../connection/connection.ts";
import type { WsCompressionOptions, WsSocket } from "../connection/options.ts";
import { acceptOf } from "../internal/accept_key.ts";
import { answerDeflate } from "../internal/deflate_offer.ts";
import { frameLimitsOf } from "../internal/frame_limits.ts";
import { FrameSocket, type FrameSocketOptions } from "../internal/frame_socket.ts";
import { WS_CONNECTION, wsCompressionOf } from "../internal/option_rules.ts";
import { HANDSHAKE_TIMEOUT } from "./_option_rules.ts";
import type { UpgradeInfo, UpgradeOptions } from "./upgrade_options.ts";
import { CloseCode } from "../internal/close_codes.ts";

/** The result of {@linkcode upgrade}. */
export interface Upgrade {
  /** The response that the handler must return. */
  readonly response: Response;
  /** The connection, which opens after the handler returns; undefined if the request is refused. */
  readonly connection: WsConnection | undefined;
}

/**
 * Upgrades a request for which the options have been checked.
 *
 * @param request The request to judge, perhaps a copy.
 * @param original The request that the handler received.
 * @param info The second argument of the handler.
 * @param options Who may connect, and the limits of the connection.
 */
export async function upgradeRequest(
  request: Request,
  original: Request,
  info: UpgradeInfo,
  options: UpgradeOptions,
): Promise<Upgrade> {
  WS_CONNECTION.assume(options);
  const { protocols = [], allowedOrigins, authorize } = options;
  const timeout = timeLimit(options.handshakeTimeout ?? HANDSHAKE_TIMEOUT);
  const limits = frameLimitsOf(options);
  // After the upgrade, Deno does not allow access to the request any more.
  const peer = formatAddress(info.remoteAddr);
  const headers = new Headers(request.headers);
  const { url } = request;
  if (!hasMember(headers.get("upgrade"), "websocket")) {
    const headers = { upgrade: "websocket", connection: "Upgrade" };
    return refuse(426, "This address accepts only WebSockets", headers);
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return refuse(426, "Only WebSocket version 13 is supported", { "sec-websocket-version": "13" });
  }
  if (request.method !== "GET" || !isHandshake(headers)) {
    return refuse(400, "The request is not a valid opening handshake");
  }
  if (!originAllowed(headers, allowedOrigins)) {
    return refuse(403, "Pages of this origin must not open a WebSocket here");
  }
  if (authorize !== undefined) {
    // Deno reports an abort only if the signal is read before it. An upgrade for a client that has
    // left leaks a file descriptor (Deno 2.9).
    const { signal } = original;
    const refusal = await within(timeout, authorize(request, info));
    if (refusal === "late") {
      return refuse(503, "The authorization took too long", { "retry-after": "10" });
    }
    if (refusal instanceof Response) return { response: refusal, connection: undefined };
    if (signal.aborted) return refuse(499, "The client has left");
  }
  const offered = new Set(parseList(headers.get("sec-websocket-protocol") ?? ""));
  const protocol = protocols.find((name) => offered.has(name));
  const taking = takeOver(original, "websocket");
  const upgraded = taking === undefined
    ? upgradeDeno(original, limits.pingInterval)
    : await upgradeOwn(taking, headers, wsCompressionOf(options.compression), {
      role: "server",
      peer,
      protocol: protocol ?? "",
      limits,
    });
  // Deno's own option takes "a,b", which npm ws sends, for one name (Deno 2.9).
  if (protocol) upgraded.response.headers.set("sec-websocket-protocol", protocol);
  const connection = new WsConnection(
    upgraded.socket,
    { peer, url, headers, protocol: protocol ?? "", server: true },
    options,
  );
  const alarm = new Alarm(() => {
    // Deno accepts a copy of its request, whose WebSocket never opens.
    if (taking === undefined) {
      logger.warn("A WebSocket of {peer} did not open in {timeout} ms. " + ADVICE, {
        peer,
        timeout,
      });
    }
    void connection.close(CloseCode.goingAway, "not opened in time");
  });
  alarm.start(timeout);
  void ignoreFailure(connection.opened).then(() => alarm.stop());
  return { response: upgraded.response, connection };
}

const logger = getLogger(["portside", "ws", "server"]);

const ADVICE =
  "Return the response of the upgrade, and do not upgrade a copy of the request without " +
  "the second argument of the handler.";

interface Upgraded {
  readonly response: Response;
  readonly socket: WebSocket | WsSocket;
}

/** Returns whether the header fields are valid (RFC 6455 section 4.1) and announce no body. */
function isHandshake(headers: Headers): boolean {
  return !headers.has("content-length") && !headers.has("transfer-encoding") &&
    hasMember(headers.get("connection"), "upgrade") &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "");
}

/** Upgrades a request from `Deno.serve` to a WebSocket of Deno. */
function upgradeDeno(request: Request, pingInterval: number): Upgraded {
  const idleTimeout = pingInterval === Infinity ? 0 : Math.ceil(pingInterval / 1000);
  try {
    return Deno.upgradeWebSocket(request, { idleTimeout });
  } catch (cause) {
    const message =
      "Cannot upgrade the request: it is already upgraded, or it is a copy. Pass the " +
      "request that the handler received, or the second argument of the handler without changes";
    throw new TypeError(message, { cause });
  }
}

/** Upgrades a request from a hardened `serveHttp` to a {@linkcode FrameSocket}. */
async function upgradeOwn(
  { response, taken }: TakeOver,
  headers: Headers,
  compression: WsCompressionOptions | undefined,
  options: Omit<FrameSocketOptions, "compression">,
): Promise<Upgraded> {
  const offers = headers.get("sec-websocket-extensions");
  const deflate = compression && answerDeflate(offers, compression);
  if (deflate !== undefined) {
    response.headers.set("sec-websocket-extensions", deflate.header);
  }
  const socket = new FrameSocket(taken, {
    ...options,
    compression: deflate && { parameters: deflate.parameters, options: compression! },
  });
  const accept = await acceptOf(headers.get("sec-websocket-key")!);
  response.headers.set("sec-websocket-accept", accept);
  return { response, socket };
}

function refuse(status: number, why: string, headers: Record<string, string> = {}): Upgrade {
  const type = { "content-type": "text/plain; charset=utf-8" };
  const response = new Response(`${why}\n`, { status, headers: { ...type, ...headers } });
  return { response, connection: undefined };
}

/** Returns whether pages of the request's origin may connect. Programs send no origin. */
function originAllowed(headers: Headers, allowed: UpgradeOptions["allowedOrigins"]): boolean {
  const origin = headers.get("origin");
  if (origin === null || allowed === "*") return true;
  if (allowed !== undefined) return allowed.includes(origin);
  return URL.parse(origin)?.host === lowerAscii(headers.get("host") ?? "");
}

async function within<T>(timeout: number, work: T | Promise<T>): Promise<T | "late"> {
  const { promise, resolve } = Promise.withResolvers<"late">();
  const alarm = new Alarm(() => resolve("late"));
  alarm.start(timeout);
  try {
    return await Promise.race([work, promise]);
  } finally {
    alarm.stop();
  }
}
