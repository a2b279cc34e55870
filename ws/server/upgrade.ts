/**
 * Upgrades a request in the handler of a `serveHttp` or `Deno.serve` server to a WebSocket.
 *
 * On a hardened `serveHttp` server, the limits of the WebSocket apply from the first byte. On other
 * servers it is the WebSocket of Deno; `ws/connection` lists the differences.
 *
 * @example In the handler of a server
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { upgrade } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request, info) => {
 *   const { response, connection } = await upgrade(request, info);
 *   connection?.opened.then(() => connection.send("hello")).catch(() => {});
 *   return response;
 * });
 * const conn = await connectWebSocket(`ws://127.0.0.1:${server.addr.port}`);
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * await conn.close();
 * await server.shutdown();
 * ```
 *
 * **Permissions**: none of its own. The opening handshake is RFC 6455 §4.2.
 *
 * @module
 */

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
import { FrameSocket, type FrameSocketOptions } from "../internal/frame_socket.ts";
import { WS_CONNECTION, wsCompressionOf, wsLimitsOf, wsRateOf } from "../internal/option_rules.ts";
import { HANDSHAKE_TIMEOUT, UPGRADE } from "./_option_rules.ts";
import type { UpgradeInfo, UpgradeOptions } from "./upgrade_options.ts";
import { CloseCode } from "../internal/close_codes.ts";

export type * from "./upgrade_options.ts";

/** The result of {@linkcode upgrade}. */
export interface Upgrade {
  /** The response that the handler must return. */
  readonly response: Response;
  /** The connection, which opens after the handler returns; undefined if the request is refused. */
  readonly connection: WsConnection | undefined;
}

/**
 * Upgrades a request to a WebSocket, or refuses it: with 400 for an invalid handshake, 403 for a page
 * of another origin, 426 for a request without an upgrade or for another version, or with the response
 * of `authorize`.
 *
 * Do slow checks in `authorize`, not before the call. Only there, the function detects a client that
 * leaves. In Deno 2.9, an upgrade for such a client leaks a file descriptor until the server ends.
 *
 * @param request The request that the handler received. On a hardened server it must not be a copy.
 * @param info The second argument of the handler.
 * @param options Who may connect, and the limits of the connection. Default: the same origin only.
 * @returns The response to return, and the connection unless the request is refused.
 * @throws {RangeError | TypeError} If an option is invalid.
 * @throws {TypeError} If the request is already upgraded.
 *
 * @example Refused
 * ```ts
 * import { upgrade } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * const info = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;
 * const { response, connection } = await upgrade(new Request("http://a.test/"), info);
 * assertEquals([response.status, connection], [426, undefined]);
 * ```
 */
export async function upgrade(
  request: Request,
  info: UpgradeInfo,
  options: UpgradeOptions = {},
): Promise<Upgrade> {
  options = UPGRADE.check("upgrade", options);
  WS_CONNECTION.assume(options);
  const { protocols = [], allowedOrigins, authorize } = options;
  const { maxMessageSize, closeTimeout, messageTimeout, minMessageRate } = wsLimitsOf(options);
  const timeout = timeLimit(options.handshakeTimeout ?? HANDSHAKE_TIMEOUT);
  const pingInterval = timeLimit(options.pingInterval ?? 30_000);
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
    const { signal } = request;
    const refusal = await within(timeout, authorize(request, info));
    if (refusal === "late") {
      return refuse(503, "The authorization took too long", { "retry-after": "10" });
    }
    if (refusal instanceof Response) return { response: refusal, connection: undefined };
    if (signal.aborted) return refuse(499, "The client has left");
  }
  const offered = new Set(parseList(headers.get("sec-websocket-protocol") ?? ""));
  const protocol = protocols.find((name) => offered.has(name));
  const taking = takeOver(request, "websocket");
  const upgraded = taking === undefined
    ? upgradeDeno(request, pingInterval)
    : await upgradeOwn(taking, headers, wsCompressionOf(options.compression), {
      role: "server",
      peer,
      protocol: protocol ?? "",
      maxMessageSize,
      pingInterval,
      controlRate: options.controlRate && wsRateOf(options.controlRate),
      closeTimeout,
      messageTimeout,
      minMessageRate,
    });
  // Deno's own option takes "a,b", which npm ws sends, for one name (Deno 2.9).
  if (protocol) upgraded.response.headers.set("sec-websocket-protocol", protocol);
  const connection = new WsConnection(
    upgraded.socket,
    { peer, url, headers, protocol: protocol ?? "", server: true },
    options,
  );
  const alarm = new Alarm(() => void connection.close(CloseCode.goingAway, "not opened in time"));
  alarm.start(timeout);
  void ignoreFailure(connection.opened).then(() => alarm.stop());
  return { response: upgraded.response, connection };
}

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
    throw new TypeError("Cannot upgrade the request: it is already upgraded", { cause });
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
  if (!URL.canParse(origin)) return false;
  return new URL(origin).host === lowerAscii(headers.get("host") ?? "");
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
