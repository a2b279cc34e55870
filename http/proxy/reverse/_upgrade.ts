import { ignoreFailure } from "../../../net/internal/ignore_failure.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import type { Transport } from "../../../net/connection/transport.ts";
import { Http1Decoder, type Http1Response } from "../../http1/codec.ts";
import { Peer } from "../_peer.ts";
import { Tunnel } from "../_tunnel.ts";
import type { ReverseLimits } from "./_target.ts";
import { takeOver } from "../../server/take_over.ts";

/** The largest write in bytes. It makes the progress of a slow peer visible. */
const PIECE = 64 * 1024;

/** The longest time without data after one side of a tunnel has ended, in milliseconds. */
const HALF_CLOSE = 30_000;

/**
 * Forwards a 101 response, and then bytes in both directions.
 *
 * @param request The original request of the server.
 * @param head The response of the target.
 * @param headers The fields of the response.
 * @param upstream The connection to the target.
 * @param limits The limits of the proxy.
 * @param closed Runs when both connections are closed.
 * @returns The response; undefined if the connection cannot be upgraded.
 */
export function switchProtocols(
  request: Request,
  head: Http1Response,
  headers: [string, string][],
  upstream: Peer,
  { tunnelTimeout }: ReverseLimits,
  closed: () => void,
): Response | undefined {
  const taking = head.upgrade === undefined ? undefined : takeOver(request, head.upgrade, headers);
  if (taking === undefined) return undefined;
  taking.taken.then(async ({ connection }) => {
    connection.resetOnAbort();
    const decoder = new Http1Decoder("request");
    const client = new Peer(transportOf(connection), decoder, upstream.clock, tunnelTimeout);
    upstream.makeResettable();
    await new Tunnel(client, upstream, { tunnelTimeout, halfCloseTimeout: HALF_CLOSE }).run();
  }).catch(() => upstream.reset()).finally(closed);
  return taking.response;
}

/** Returns a transport that uses a connection. */
function transportOf(connection: Connection): Transport {
  return {
    localAddr: connection.localAddr,
    remoteAddr: connection.remoteAddr,
    read: (buffer) => connection.read(buffer),
    async write(data) {
      const piece = data.subarray(0, PIECE);
      await connection.write(piece);
      return piece.length;
    },
    closeWrite: () => connection.closeWrite(),
    close: () => void ignoreFailure(connection.close()),
    reset: () => connection.abort(),
  };
}
