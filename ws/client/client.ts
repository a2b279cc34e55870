/**
 * Opens WebSockets with a time limit, a signal, header fields, private certificate authorities, errors
 * that name the cause, and optional reconnecting.
 *
 * @example Ask and read the answer
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, (conn) => conn.send("hello"));
 * await using conn = await connectWebSocket(server.url, { timeout: 2000 });
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * ```
 *
 * The client of Deno 2.9 checks neither `Sec-WebSocket-Accept` nor extensions that it did not offer.
 * This module rejects a subprotocol that was not offered. Deno's client sends no pings; use
 * `heartbeat` or `idleTimeout` to detect a silent server.
 *
 * **Permissions**: `--allow-net=example.com:443` for the host and port of the URL.
 * The WebSocket protocol is RFC 6455.
 *
 * @module
 */

import { NetError, toNetError } from "../../net/errors/errors.ts";
import { withDeadline } from "../../net/internal/deadline.ts";
import { escapeControls } from "../../net/text.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { WsConnection } from "../connection/connection.ts";
import { WS_CONNECTION } from "../internal/option_rules.ts";
import { CONNECT_WS } from "./_option_rules.ts";
import type { ConnectWebSocketOptions } from "./options.ts";
import { ReconnectingWebSocket } from "./reconnecting.ts";

export type * from "./options.ts";

/**
 * Opens a WebSocket that reconnects. The promise resolves when the first connection is open.
 *
 * @param url The address: a `ws:`, `wss:`, `http:` or `https:` URL.
 * @param options Header fields, limits, and the reconnect options.
 * @returns The WebSocket, which lives on across its connections.
 * @throws {NetError} If the first connection fails and another attempt is useless.
 * @throws {TypeError | RangeError} If the URL or an option is invalid.
 */
export function connectWebSocket(
  url: string | URL,
  options: ConnectWebSocketOptions & Required<Pick<ConnectWebSocketOptions, "reconnect">>,
): Promise<ReconnectingWebSocket>;
/**
 * Opens a WebSocket. The promise resolves after the opening handshake.
 *
 * @param url The address: a `ws:`, `wss:`, `http:` or `https:` URL. Credentials in the URL are sent
 * with Basic authentication and never shown in messages.
 * @param options Header fields, subprotocols and limits. Default: no header fields, safe limits.
 * @returns The connection, which is open.
 * @throws {NetError} "refused", "timeout", "dns", "tls" …; "protocol", with the status in the
 * message, if the server does not answer with a WebSocket.
 * @throws {TypeError | RangeError} If the URL or an option is invalid.
 *
 * @example A server without a WebSocket
 * ```ts
 * import { NetError } from "@portside/kit/net/errors";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
 *   return new Response("nothing here", { status: 404 });
 * });
 * const url = `ws://127.0.0.1:${server.addr.port}/`;
 * const error = await assertRejects(() => connectWebSocket(url), NetError);
 * assertEquals(error.message, `Cannot open ${url}: the server answered 404, no WebSocket`);
 * await server.shutdown();
 * ```
 */
export function connectWebSocket(
  url: string | URL,
  options?: ConnectWebSocketOptions,
): Promise<WsConnection>;
export async function connectWebSocket(
  url: string | URL,
  options: ConnectWebSocketOptions = {},
): Promise<WsConnection | ReconnectingWebSocket> {
  options = CONNECT_WS.check("connectWebSocket", options);
  const target = checkUrl(url);
  const { reconnect, ...rest } = options;
  if (reconnect === undefined) return await dialWebSocket(target, rest);
  const following = new ReconnectingWebSocket(
    withoutLogin(target.href).href,
    (signal) => dialWebSocket(target, { ...rest, signal }),
    reconnect === true ? {} : reconnect,
    rest.signal,
  );
  try {
    await following.opened;
  } catch (error) {
    rest.signal?.throwIfAborted();
    throw error;
  }
  return following;
}

async function dialWebSocket(
  { href }: URL,
  options: ConnectWebSocketOptions,
): Promise<WsConnection> {
  const { signal, headers, protocols, caCerts } = options;
  const url = withoutLogin(href);
  const timeout = timeLimit(options.timeout ?? 10_000);
  signal?.throwIfAborted();
  const client = caCerts && Deno.createHttpClient({ caCerts });
  let socket: WebSocket;
  try {
    socket = new WebSocket(href, {
      ...(headers !== undefined && { headers: new Headers(headers) }),
      ...(protocols !== undefined && { protocols: [protocols].flat() }),
      ...(client !== undefined && { client }),
    });
  } catch (error) {
    client?.close();
    throw error instanceof DOMException || error instanceof TypeError
      ? new TypeError(`Cannot open ${url.href}: ${error.message}`)
      : toNetError(error, { phase: "connect", ...hostOf(url) });
  }
  let failure: unknown;
  socket.addEventListener("error", (event) => {
    failure ??= event instanceof ErrorEvent ? event.error ?? new Error(event.message) : event;
  });
  const origin = { peer: url.host, url: url.href, server: false };
  WS_CONNECTION.assume(options);
  const connection = new WsConnection(socket, origin, options);
  void connection.gone.then(() => client?.close());
  const late = new NetError(`Cannot open ${url.href}: no answer in ${timeout} ms`, {
    kind: "timeout",
    phase: "connect",
    address: url.host,
  });
  try {
    await withDeadline(connection.opened, timeout, () => late, signal);
    checkProtocol(connection.protocol, protocols, url);
    return connection;
  } catch (error) {
    void connection.close();
    if (error === late || (signal?.aborted && error === signal.reason)) throw error;
    throw explain(failure ?? error, url);
  }
}

/** Rejects a subprotocol that was not offered (RFC 6455 section 4.1). Deno accepts it. */
function checkProtocol(chosen: string, offered: string | string[] = [], url: URL): void {
  if (chosen === "" || [offered].flat().includes(chosen)) return;
  const name = escapeControls(JSON.stringify(chosen));
  const why = `the server chose the subprotocol ${name}, which was not offered`;
  throw new NetError(`Cannot open ${url.href}: ${why}`, {
    kind: "protocol",
    phase: "handshake",
    address: url.host,
  });
}

/** Converts a failure of the opening handshake to a readable error. */
function explain(failure: unknown, url: URL): NetError {
  const message = failure instanceof Error ? failure.message : "";
  // Deno reports the status only in the text of the message.
  const [, status] = /Invalid status code: (\d{3})/.exec(message) ?? [];
  if (status !== undefined) {
    return new NetError(`Cannot open ${url.href}: the server answered ${status}, no WebSocket`, {
      kind: "protocol",
      phase: "handshake",
      address: url.host,
      code: status,
      retryable: ["408", "425", "429", "500", "502", "503", "504"].includes(status),
      cause: failure,
    });
  }
  if (/Invalid (upgrade|connection) header/.test(message)) {
    return new NetError(`Cannot open ${url.href}: the server switched to another protocol`, {
      kind: "protocol",
      phase: "handshake",
      address: url.host,
      cause: failure,
    });
  }
  return toNetError(failure, { phase: "connect", ...hostOf(url) });
}

function hostOf(url: URL): { hostname: string; port: number } {
  const secure = url.protocol === "wss:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  return { hostname, port: Number(url.port || (secure ? 443 : 80)) };
}

/** Returns the URL without credentials, for messages. */
function withoutLogin(href: string): URL {
  const url = new URL(href);
  url.username = url.password = "";
  return url;
}

function checkUrl(url: string | URL): URL {
  if (!URL.canParse(url)) {
    throw new TypeError(`Cannot open ${JSON.stringify(`${url}`)}: it is not a URL`);
  }
  const target = new URL(url);
  target.protocol = target.protocol.replace(/^http/, "ws");
  if (target.protocol !== "ws:" && target.protocol !== "wss:") {
    throw new TypeError(`Cannot open ${withoutLogin(target.href)}: the URL must be ws: or wss:`);
  }
  // A WebSocket URL must not contain a fragment (RFC 6455 section 3).
  target.hash = "";
  return target;
}
