import type { ProxyCore } from "./_proxy_state.ts";
import type { CurrentRequest } from "./_current_request.ts";
import type { Peer } from "./_peer.ts";
import { Tunnel } from "./_tunnel.ts";
import type { Upstream } from "./_upstream.ts";

/** Runs a tunnel between a client and a server to its end, and counts it. */
export async function runTunnel(
  { counts, limits }: ProxyCore,
  client: Peer,
  upstream: Upstream,
  current: CurrentRequest,
): Promise<void> {
  const before = client.received;
  const { buffered } = client.decoder;
  const tunnel = new Tunnel(client, upstream, limits);
  counts.tunnels++;
  counts.activeTunnels++;
  try {
    await tunnel.run();
  } finally {
    counts.activeTunnels--;
    current.tunnelled += client.received - before + buffered;
    current.error = tunnel.error;
  }
}
