/**
 * UDP sockets (RFC 768): datagrams, requests with answers, and multicast. The sockets are those of
 * Deno if they are available (`--unstable-net`) and support the options, else those of Node.
 *
 * UDP loses, repeats and reorders datagrams without notice. Received datagrams wait in a bounded
 * inbox. Datagrams that do not fit are dropped and counted.
 *
 * **Permissions**: `--allow-net=127.0.0.1` for the local address, and the same for each peer.
 *
 * @module
 */

import type { BindUdpOptions, ConnectUdpOptions } from "./options.ts";
import { openUdp } from "./_backend.ts";
import { KernelPeer } from "./_kernel_peer.ts";
import { BIND, canonical, CONNECT } from "./_option_rules.ts";
import { UdpSocket } from "./udp_socket.ts";

export type * from "./options.ts";
export { UdpSocket } from "./udp_socket.ts";

/**
 * Opens a UDP socket that can send to and receive from any peer.
 *
 * @param options The local address, the inbox, and the pace.
 * @returns The open socket; close it or dispose of it.
 * @throws {NetError} Of kind "address-in-use", "permission", "unsupported" and others.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example A datagram that is too long
 * ```ts
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertRejects } from "@std/assert";
 *
 * await using socket = await bindUdp();
 * await assertRejects(() => socket.send(new Uint8Array(65508), socket.addr), RangeError, "65507");
 * ```
 */
export async function bindUdp(options: BindUdpOptions = {}): Promise<UdpSocket> {
  options = BIND.check("bindUdp", options);
  return new UdpSocket(await openUdp(options), options);
}

/**
 * Opens a UDP socket with one peer. It sends only to this peer, and ignores datagrams of others.
 *
 * On Linux and with the permission `--allow-ffi`, the socket is also connected in the kernel. Then a
 * call fails at once, of kind "refused", if nobody listens on the port of the peer or a router on the
 * way reports an error (ICMP). The socket stays open. Without it, a request waits for its time limit.
 * The program is not asked for this permission. Sockets with the option `broadcast` and peers with a
 * zone are not connected in the kernel.
 *
 * @param options The address of the peer, the inbox, and the pace.
 * @returns The open socket; close it or dispose of it.
 * @throws {NetError} For the same reasons as {@linkcode bindUdp}.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example One peer
 * ```ts
 * import { bindUdp, connectUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * await using client = await connectUdp({ hostname: "127.0.0.1", port: server.addr.port });
 * await client.send("hi");
 * assertEquals((await server.receive()).from.port, client.addr.port);
 * ```
 */
export async function connectUdp(options: ConnectUdpOptions): Promise<UdpSocket> {
  options = CONNECT.check("connectUdp", options);
  const { port, hostname: named, ...rest } = options;
  // Sending to a link-local address takes its zone.
  const hostname = named.includes("%") ? named : canonical(named);
  const loopback = hostname.startsWith("127.") || hostname === "::1";
  const any = hostname.includes(":") ? "::" : "0.0.0.0";
  const local = loopback ? (hostname === "::1" ? "::1" : "127.0.0.1") : any;
  const bind = { ...rest, hostname: local, port: 0 };
  const remote: Deno.NetAddr = { transport: "udp", hostname, port };
  const peer = rest.broadcast ? undefined : KernelPeer.prepare();
  let connected = false;
  try {
    const backend = await openUdp(bind);
    connected = peer?.connect(backend.addr, remote) ?? false;
    return new UdpSocket(backend, bind, remote, connected ? peer : undefined);
  } finally {
    if (!connected) peer?.close();
  }
}
