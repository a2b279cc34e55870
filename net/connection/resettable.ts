/**
 * Adds resets (RST) to TCP connections. `Deno.Conn.close` always sends a FIN, so the peer may take
 * an incomplete stream for a complete one.
 *
 * Connections of this package have the option `resetOnAbort`. This module is for connections that a
 * program has opened with `Deno.connect` or `Deno.listen`.
 *
 * @example Reset a connection
 * ```ts
 * import { resettable } from "@portside/kit/net/connection";
 * import { assertRejects } from "@std/assert";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * const server = resettable(await listener.accept());
 * await server.write(new TextEncoder().encode("half an ans"));
 * await client.read(new Uint8Array(100));
 * server.reset?.();
 * await assertRejects(() => client.read(new Uint8Array(100)), Deno.errors.ConnectionReset);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Transport } from "./transport.ts";
import { pipeOf, ResetTransport } from "../internal/reset_transport.ts";
import { ridOf, SOCKET, uvHandles } from "../internal/uv_handles.ts";

export type * from "./transport.ts";

/** A transport on top of another one. It can be reset if the one below can. */
export interface LayeredTransport extends Transport {
  /** Replaces the transport below by the result of `replace`. */
  replaceBelow(replace: (below: Transport) => Transport): void;
}

/**
 * Returns a transport over the same socket that has a {@linkcode Transport.reset}. It returns
 * `transport` itself if that has one, or if that is impossible: on Windows, for Unix sockets and
 * `Deno.TlsConn`, and when no file descriptor is left.
 *
 * It costs about 0.1 ms and a second file descriptor. Reading and writing cost as much as before.
 *
 * @param transport A `Deno.TcpConn`, or a layer over one. Do not use it any more after this call.
 * @param inFlight A promise that settles when all pending reads and writes on `transport` have
 * ended. A reset before that sends a FIN first. Omit it only if none is pending; otherwise a reset
 * would leave the connection open.
 * @returns The transport to use from now on.
 *
 * @example Check for the ability to reset
 * ```ts
 * import { resettable } from "@portside/kit/net/connection";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * const server = resettable(await listener.accept());
 * assertEquals(server.reset !== undefined, Deno.build.os !== "windows");
 * server.close();
 * ```
 */
export function resettable(transport: Transport, inFlight?: Promise<unknown>): Transport {
  if (transport.reset !== undefined) return transport;
  if ("replaceBelow" in transport) {
    const layer = transport as LayeredTransport;
    layer.replaceBelow((below) => resettable(below, inFlight));
    return layer;
  }
  const uv = uvHandles();
  const rid = uv === null ? undefined : ridOf(transport);
  if (rid === undefined) return transport;
  const tcp = new uv!.Tcp(SOCKET);
  // If this fails, pipeOf() finds no descriptor.
  tcp.openFromRid(rid);
  const io = pipeOf(uv!, tcp);
  if (io === undefined) return transport;
  return new ResetTransport(uv!, io, transport, transport as Deno.TcpConn, inFlight);
}
