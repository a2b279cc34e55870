/**
 * Opens WebSockets with a time limit, a signal, header fields, private certificate authorities, errors
 * that name the cause, and optional reconnecting.
 *
 * The client runs on connections of this package and is as strict as a hardened server: it masks its
 * frames, refuses masked frames of a server, checks `Sec-WebSocket-Accept`, subprotocol and extensions,
 * and checks sizes before it stores a payload. `close()` ends the TCP connection of a server that does
 * not answer within `closeTimeout`. It goes through the proxies of the environment or of the option
 * `proxy`, and to Unix sockets.
 *
 * **Permissions**: `--allow-net=example.com:443` for the host and port of the URL, or of the proxy.
 * `--allow-env=http_proxy,HTTP_PROXY,https_proxy,HTTPS_PROXY,all_proxy,ALL_PROXY,no_proxy,NO_PROXY,REQUEST_METHOD`
 * for a proxy of the environment; without it, there is none.
 * The WebSocket protocol is RFC 6455.
 *
 * @module
 */

import type { WsConnection } from "../connection/connection.ts";
import { WS_CONNECTION } from "../internal/option_rules.ts";
import { WsDialer } from "./_dial.ts";
import { checkTogether, CONNECT_WS } from "./_option_rules.ts";
import type { ConnectWebSocketOptions, WsPerAttempt } from "./options.ts";
import { ReconnectingWebSocket } from "./reconnecting.ts";

export type * from "./options.ts";

/**
 * Opens a WebSocket that reconnects. The promise resolves when the first connection is open.
 *
 * @param url The address: a `ws:`, `wss:`, `http:` or `https:` URL, or a function that returns one.
 * @param options Header fields, limits, and the reconnect options.
 * @returns The WebSocket, which lives on across its connections.
 * @throws {NetError} If the first connection fails and another attempt is useless.
 * @throws {TypeError | RangeError} If the URL or an option is invalid.
 */
export function connectWebSocket(
  url: WsPerAttempt<string | URL>,
  options: ConnectWebSocketOptions & Required<Pick<ConnectWebSocketOptions, "reconnect">>,
): Promise<ReconnectingWebSocket>;
/**
 * Opens a WebSocket. The promise resolves after the opening handshake.
 *
 * @param url The address: a `ws:`, `wss:`, `http:` or `https:` URL, or a function that returns one.
 * Credentials in the URL are sent with Basic authentication. Messages show neither them nor the query.
 * @param options Header fields, subprotocols and limits. Default: no header fields, safe limits.
 * @returns The connection, which is open.
 * @throws {WsHandshakeError} If the server does not answer with a WebSocket; `status` is its status.
 * @throws {NetError} "refused", "timeout", "dns", "tls" and others; "protocol" for a malformed
 * handshake; "reply" if a proxy refuses.
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
  url: WsPerAttempt<string | URL>,
  options?: ConnectWebSocketOptions,
): Promise<WsConnection>;
export async function connectWebSocket(
  url: WsPerAttempt<string | URL>,
  options: ConnectWebSocketOptions = {},
): Promise<WsConnection | ReconnectingWebSocket> {
  options = CONNECT_WS.check("connectWebSocket", options);
  checkTogether(options);
  WS_CONNECTION.assume(options);
  const { reconnect, signal } = options;
  const dialer = new WsDialer(url, options);
  if (reconnect === undefined) return await dialer.dial(signal);
  const following = new ReconnectingWebSocket(
    () => dialer.url,
    (signal) => dialer.dial(signal),
    reconnect === true ? {} : reconnect,
    signal,
  );
  try {
    await following.opened;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  return following;
}
