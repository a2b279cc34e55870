import { Http1Error, type Http1Request } from "../http1/codec.ts";
import type { ProxyLimits } from "./_proxy_state.ts";
import type { Answering } from "./_exchange.ts";
import { ProxyRefusal } from "./_error_pages.ts";
import { Late, type Peer } from "./_peer.ts";

/**
 * Waits for the head of the next request.
 *
 * @param client The connection of the client.
 * @param limits The limits of the proxy.
 * @param isFirst Whether this is the first request of the connection.
 * @param session Tells whether the connection should end before another request.
 * @returns The head; undefined if the connection ends.
 * @throws {ProxyRefusal} If the head is malformed or late.
 */
export async function readHead(
  client: Peer,
  { headTimeout, idleTimeout }: ProxyLimits,
  isFirst: boolean,
  session: Pick<Answering, "draining">,
): Promise<Http1Request | undefined> {
  const { clock, decoder } = client;
  // A client normally sends a request immediately after connecting.
  const idle = clock.after(isFirst ? Math.min(headTimeout, idleTimeout) : idleTimeout);
  let due = Infinity;
  try {
    for (;;) {
      const head = decoder.next();
      if (head !== undefined) return head as Http1Request;
      const begun = !decoder.between;
      // This limit starts at the first byte, and does not restart.
      if (begun && due === Infinity) due = clock.after(headTimeout);
      if (!begun && session.draining) return undefined;
      if (!(await client.more(begun ? due : idle))) return undefined;
    }
  } catch (error) {
    if (error instanceof Http1Error) throw new ProxyRefusal(error.status, error.message);
    if (!(error instanceof Late) || decoder.between) return undefined;
    throw new ProxyRefusal(408, "The head of the request did not come in time");
  }
}
