/**
 * Takes the connection of a request over for another protocol (RFC 9110 §7.8), on servers of
 * `serveHttp` that are hardened. `upgrade` of `ws/upgrade` does so for WebSockets.
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
 * **Permissions**: none of its own.
 *
 * @module
 */

import type { Connection } from "../../net/connection/connection.ts";
import { lowerAscii } from "../../net/text.ts";
import { offerOf } from "../internal/offer.ts";

/** A connection that has been taken over. */
export interface TakenOver {
  /**
   * The connection. Bytes that the client sent behind the head of its request are read first. The
   * caller closes the connection. Its reads have no time limit, except those that the caller sets.
   */
  readonly connection: Connection;
}

/** A connection that is being taken over. */
export interface TakeOver {
  /** The answer to return, as it is: 101. */
  readonly response: Response;
  /** Resolves once it has been sent; rejects if it was not, e.g. since the client has gone. */
  readonly taken: Promise<TakenOver>;
}

/**
 * Takes a connection over. Until it is closed its request counts as active: `maxRequests`,
 * `info.completed` and the shutdown of the server, which cuts it at the deadline, include it.
 *
 * @param request A request as the handler got it.
 * @param protocol The protocol to go on with.
 * @param headers Header fields of the answer besides `Connection` and `Upgrade`.
 * @returns The answer and the connection; undefined where there is nothing to take over, since the
 * request asks for no such protocol, has a body, or is not from a hardened server. A server may
 * ignore `Upgrade` (RFC 9110 §7.8), and behind a body two programs could disagree where the new
 * protocol begins. A request that also says `Expect: 100-continue` gets a 100 before the 101.
 * @throws {TypeError} If it has been taken over already.
 */
export function takeOver(
  request: Request,
  protocol: string,
  headers?: HeadersInit,
): TakeOver | undefined {
  const offer = offerOf(request);
  if (!offer?.protocols.includes(lowerAscii(protocol))) return undefined;
  if (offer.response) throw new TypeError("Cannot take a connection over that is taken over");
  const response = new Response(null, { headers: new Headers(headers) });
  response.headers.set("upgrade", protocol);
  // The constructor refuses the status.
  Object.defineProperty(response, "status", { value: 101 });
  offer.response = response;
  return { response, taken: offer.handed };
}
