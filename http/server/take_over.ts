/**
 * Takes over the connection of a request for another protocol (RFC 9110 §7.8), on hardened servers of
 * `serveHttp`. For WebSockets, use `upgrade` of `ws/server`.
 *
 * @example An echo of bytes
 * ```ts
 * import { serveHttp, takeOver } from "@portside/kit/http/server";
 * import { connectTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({ hardened: true }, (request) => {
 *   const taking = takeOver(request, "echo");
 *   if (taking === undefined) return new Response("Here is an echo\n", { status: 426 });
 *   taking.taken.then(async ({ connection }) => {
 *     for await (const chunk of connection) await connection.write(chunk);
 *     await connection.close();
 *   }).catch(() => {});
 *   return taking.response;
 * });
 * await using conn = await connectTcp({ port: server.addr.port });
 * await conn.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n");
 * assertEquals(await conn.readLine(), "HTTP/1.1 101 Switching Protocols");
 * while (await conn.readLine() !== "");
 * assertEquals(await conn.readLine({ timeout: 1000 }), "hello");
 * ```
 *
 * **Permissions**: none beyond those of the server.
 *
 * @module
 */

import type { Connection } from "../../net/connection/connection.ts";
import { lowerAscii } from "../../net/text.ts";
import { offerOf } from "../internal/upgrade_offer.ts";

/** A connection that has been taken over. */
export interface TakenOver {
  /**
   * The connection. Bytes that the client sent after the head of its request are read first. The
   * caller closes the connection. Its reads have no time limit, except those that the caller sets.
   */
  readonly connection: Connection;
}

/** A connection that will be taken over when its response has been sent. */
export interface TakeOver {
  /** The response 101, which the handler must return unchanged. */
  readonly response: Response;
  /** Resolves when the response has been sent; rejects if it was not, e.g. if the client has gone. */
  readonly taken: Promise<TakenOver>;
}

/**
 * Takes over the connection of a request. The request is active until the connection is closed: it
 * counts for `maxRequests`, `info.completed` waits for it, and the shutdown of the server cuts it at
 * the deadline.
 *
 * If a request also says `Expect: 100-continue`, the server sends 100 before 101.
 *
 * @param request The request that the handler got.
 * @param protocol The name of the new protocol, in any case.
 * @param headers Header fields of the response besides `Connection` and `Upgrade`.
 * @returns The response and the connection. Undefined if the request does not ask for the protocol,
 * if it has a body, or if the server is not hardened. A server may ignore `Upgrade` (RFC 9110 §7.8).
 * Behind a body, two programs could disagree about the start of the new protocol.
 * @throws {TypeError} If the connection has been taken over already.
 */
export function takeOver(
  request: Request,
  protocol: string,
  headers?: HeadersInit,
): TakeOver | undefined {
  const offer = offerOf(request);
  if (!offer?.protocols.includes(lowerAscii(protocol))) return undefined;
  if (offer.response) {
    throw new TypeError("Cannot take over a connection: it is taken over already");
  }
  const response = new Response(null, { headers: new Headers(headers) });
  response.headers.set("upgrade", protocol);
  // The constructor of Response rejects the status 101.
  Object.defineProperty(response, "status", { value: 101 });
  offer.response = response;
  return { response, taken: offer.handed };
}
