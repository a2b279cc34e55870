/**
 * Turns a request of any `serveHttp` or `Deno.serve` handler into a WebSocket, if it is one that
 * may. Where `serveHttp` is hardened, the WebSocket has limits of its own from the first byte on;
 * elsewhere it is Deno's, and `ws/connection` tells what that lacks.
 *
 * @example In a handler of your own
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
import { lowerAscii } from "../../net/text.ts";
import { WsConnection } from "../connection/connection.ts";
import type { WsSocket } from "../connection/options.ts";
import { FrameSocket, type FrameSocketOptions } from "../internal/frame_socket.ts";
import { checkOrigins, checkWsOptions, time } from "../internal/options.ts";
import type { UpgradeInfo, UpgradeOptions } from "./upgrade_options.ts";

export type * from "./upgrade_options.ts";

/** What became of a request. */
export interface Upgrade {
  /** The response to return. */
  readonly response: Response;
  /** The connection, which opens once the response has been returned; undefined if refused. */
  readonly connection: WsConnection | undefined;
}

/**
 * Upgrades a request, or refuses it: 400 for a handshake that is none, 403 for a page of another
 * origin, 426 for what wants no WebSocket or another version, and what `authorize` says.
 *
 * Wait in `authorize`, not before the call: a client that leaves meanwhile is noticed there alone,
 * and to upgrade for one that has left costs a descriptor until the server ends (Deno 2.9).
 *
 * @param request The request as the handler got it: a copy is no use on a hardened server.
 * @param info Its second half, as `Deno.serve` gives it.
 * @param options Who may connect, and the limits of the connection.
 * @returns The response, and the connection that goes with it.
 * @throws {RangeError | TypeError} If an option is out of range.
 * @throws {TypeError} If the request has been upgraded already.
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
  const { protocols = [], allowedOrigins, authorize } = options;
  const { maxMessageSize, closeTimeout } = checkWsOptions(options);
  checkOrigins(allowedOrigins);
  const timeout = time("handshakeTimeout", options.handshakeTimeout, 10_000);
  const pingInterval = time("pingInterval", options.pingInterval, 30_000) || Infinity;
  // Deno wants all of this looked at before the upgrade.
  const peer = formatAddress(info.remoteAddr);
  const headers = new Headers(request.headers);
  const { url } = request;
  if (!hasMember(headers.get("upgrade"), "websocket")) {
    return refuse(426, "Here is a WebSocket", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return refuse(426, "Only version 13 is spoken here", { "sec-websocket-version": "13" });
  }
  if (request.method !== "GET" || !isHandshake(headers)) {
    return refuse(400, "This is no opening handshake of a WebSocket");
  }
  if (!originAllowed(headers, allowedOrigins)) {
    return refuse(403, "Pages of this origin may not open a WebSocket here");
  }
  if (authorize !== undefined) {
    // Looked at before, or it tells nothing: to upgrade for a client that has gone meanwhile would
    // cost a descriptor for ever (Deno 2.9).
    const { signal } = request;
    const refusal = await within(timeout, authorize(request, info));
    if (refusal === "late") return refuse(503, "Nobody answered in time", { "retry-after": "10" });
    if (refusal instanceof Response) return { response: refusal, connection: undefined };
    if (signal.aborted) return refuse(499, "The client has gone");
  }
  const offered = new Set(parseList(headers.get("sec-websocket-protocol") ?? ""));
  const protocol = protocols.find((name) => offered.has(name));
  const taking = takeOver(request, "websocket");
  const upgraded = taking === undefined
    ? upgradeDeno(request, pingInterval)
    : await upgradeOwn(taking, headers, {
      peer,
      protocol: protocol ?? "",
      maxMessageSize,
      pingInterval,
      closeTimeout,
    });
  // Not by the option of Deno: that takes "a,b", which npm ws sends, for one name (Deno 2.9).
  if (protocol) upgraded.response.headers.set("sec-websocket-protocol", protocol);
  const connection = new WsConnection(
    upgraded.socket,
    { peer, url, headers, protocol: protocol ?? "", server: true },
    options,
  );
  if (timeout > 0) {
    const timer = setTimeout(() => connection.close(1001, "not opened in time"), timeout);
    connection.opened.catch(() => {}).finally(() => clearTimeout(timer));
  }
  return { response: upgraded.response, connection };
}

interface Upgraded {
  readonly response: Response;
  readonly socket: WebSocket | WsSocket;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What shows that the key has been read (RFC 6455 §4.2.2). */
async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return new Uint8Array(digest).toBase64();
}

/** Whether the fields of RFC 6455 section 4.1 are what they should be, and no body goes with them. */
function isHandshake(headers: Headers): boolean {
  return !headers.has("content-length") && !headers.has("transfer-encoding") &&
    hasMember(headers.get("connection"), "upgrade") &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "");
}

/** Makes a WebSocket of Deno of a request from `Deno.serve`. */
function upgradeDeno(request: Request, pingInterval: number): Upgraded {
  const idleTimeout = pingInterval === Infinity ? 0 : Math.ceil(pingInterval / 1000);
  try {
    return Deno.upgradeWebSocket(request, { idleTimeout });
  } catch (cause) {
    throw new TypeError("Cannot upgrade: the request has been upgraded already", { cause });
  }
}

/** Makes one of our own of a request from a hardened `serveHttp`. */
async function upgradeOwn(
  { response, taken }: TakeOver,
  headers: Headers,
  options: FrameSocketOptions,
): Promise<Upgraded> {
  const socket = new FrameSocket(taken, options);
  const accept = await acceptOf(headers.get("sec-websocket-key")!);
  response.headers.set("sec-websocket-accept", accept);
  return { response, socket };
}

function refuse(status: number, why: string, headers: Record<string, string> = {}): Upgrade {
  const type = { "content-type": "text/plain; charset=utf-8" };
  const response = new Response(`${why}\n`, { status, headers: { ...type, ...headers } });
  return { response, connection: undefined };
}

/** Whether a page of the request's origin may come in; programs send none. */
function originAllowed(headers: Headers, allowed: UpgradeOptions["allowedOrigins"]): boolean {
  const origin = headers.get("origin");
  if (origin === null || allowed === "*") return true;
  if (allowed !== undefined) return allowed.includes(origin);
  if (!URL.canParse(origin)) return false;
  return new URL(origin).host === lowerAscii(headers.get("host") ?? "");
}

async function within<T>(timeout: number, work: T | Promise<T>): Promise<T | "late"> {
  if (timeout === 0) return await work;
  const { promise, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), timeout);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
