import dgram from "node:dgram";
import { NetError, toNetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import type { BindUdpOptions, MulticastOptions } from "./options.ts";

/** A multicast group that was joined. */
export interface GroupHandle {
  leave(): Promise<void>;
}

/** The raw socket under a `UdpSocket`, from Deno or from Node. */
export interface UdpBackend {
  readonly name: "deno" | "node";
  readonly addr: Deno.NetAddr;
  /** Sends one datagram. Resolves when the system has taken it. */
  send(data: Uint8Array, to: Deno.NetAddr): Promise<void>;
  /**
   * Calls `onData` for each datagram until the socket is closed. The callee owns the bytes. If `onError`
   * returns true, the error is one that passes, and receiving goes on.
   */
  start(
    onData: (data: Uint8Array, from: Deno.NetAddr) => void,
    onError: (e: unknown) => boolean,
  ): void;
  join(group: string, options: MulticastOptions): Promise<GroupHandle>;
  close(): void;
}

/** Options of both kinds of sockets. */
interface UdpBackendOptions {
  readonly hostname: string;
  readonly port: number;
  readonly reuseAddress: boolean;
  readonly broadcast: boolean;
}

/** The maximum size of a datagram plus one byte, which shows that a datagram was longer. */
const LARGEST = 65_536;

/** Opens the socket that the options name, or one that supports them. */
export async function openUdp(options: BindUdpOptions): Promise<UdpBackend> {
  const { hostname = "127.0.0.1", port = 0, reuseAddress = false, broadcast = false } = options;
  options.signal?.throwIfAborted();
  const wanted = options.backend ?? (broadcast || !hasNative() ? "node" : "deno");
  if (wanted === "deno" && !hasNative()) {
    throw new NetError("Cannot open a UDP socket of Deno: run again with --unstable-net", {
      kind: "unsupported",
      phase: "listen",
    });
  }
  if (wanted === "deno" && broadcast) {
    throw new TypeError('Cannot broadcast with a socket of Deno: use backend "node"');
  }
  const settings = { hostname, port, reuseAddress, broadcast };
  try {
    return wanted === "deno" ? openNative(settings) : await openNode(settings);
  } catch (error) {
    throw toNetError(error, { phase: "listen", hostname, port });
  }
}

/** Returns whether Deno has datagram sockets, which require `--unstable-net`. */
function hasNative(): boolean {
  return typeof Deno.listenDatagram === "function";
}

/** Opens a Deno socket. */
function openNative(options: UdpBackendOptions): UdpBackend {
  const { hostname, port, reuseAddress } = options;
  const conn = Deno.listenDatagram({
    transport: "udp",
    hostname,
    port,
    reuseAddress,
    loopback: true,
  });
  return {
    name: "deno",
    addr: conn.addr as Deno.NetAddr,
    async send(data, to) {
      await conn.send(data, to);
    },
    start(onData, onError) {
      const buffer = new Uint8Array(LARGEST);
      const next = async () => {
        while (true) {
          const [data, from] = await conn.receive(buffer);
          onData(data.slice(), from as Deno.NetAddr);
        }
      };
      const failed = (error: unknown) => {
        if (onError(error)) next().catch(failed);
      };
      next().catch(failed);
    },
    async join(group, { interface: on, loopback, timeToLive }) {
      if (group.includes(":")) {
        const joined = await conn.joinMulticastV6(group, Number(on ?? 0));
        return await setUp(joined, async () => {
          if (loopback !== undefined) await joined.setLoopback(loopback);
        });
      }
      const joined = await conn.joinMulticastV4(group, `${on ?? "0.0.0.0"}`);
      return await setUp(joined, async () => {
        if (loopback !== undefined) await joined.setLoopback(loopback);
        if (timeToLive !== undefined) await joined.setTTL(timeToLive);
      });
    },
    close: () => conn.close(),
  };
}

/** Opens a Node socket, which needs no flag and can broadcast. */
function openNode(options: UdpBackendOptions): Promise<UdpBackend> {
  const { hostname, port, reuseAddress, broadcast } = options;
  const type = hostname.includes(":") ? "udp6" : "udp4";
  const socket = dgram.createSocket({ type, reuseAddr: reuseAddress });
  const { promise, resolve, reject } = Promise.withResolvers<UdpBackend>();
  socket.once("error", (error) => {
    try {
      socket.close();
    } catch { /* The socket was never opened. */ }
    reject(error);
  });
  socket.bind(port, hostname, () => {
    socket.removeAllListeners("error");
    if (broadcast) socket.setBroadcast(true);
    const bound = socket.address();
    const addr = { transport: "udp", hostname: bound.address, port: bound.port } as const;
    // When the socket is closed, Node drops the callbacks of datagrams that are being sent.
    const sending = new Set<(error: Error) => void>();
    resolve({
      name: "node",
      addr,
      send(data, to) {
        return new Promise((sent, failed) => {
          sending.add(failed);
          socket.send(data, to.port, to.hostname, (error) => {
            sending.delete(failed);
            if (error) failed(error);
            else sent();
          });
        });
      },
      start(onData, onError) {
        socket.on("message", (data, from) => {
          const bytes = new Uint8Array(data.length);
          bytes.set(data);
          onData(bytes, { transport: "udp", hostname: from.address, port: from.port });
        });
        socket.on("error", onError);
      },
      async join(group, { interface: on, loopback, timeToLive }) {
        const by = on === undefined ? undefined : group.includes(":") ? `::%${on}` : `${on}`;
        socket.addMembership(group, by);
        const joined = {
          leave: () => new Promise<void>((left) => left(void socket.dropMembership(group, by))),
        };
        return await setUp(joined, () => {
          if (loopback !== undefined) socket.setMulticastLoopback(loopback);
          if (timeToLive !== undefined) socket.setMulticastTTL(timeToLive);
        });
      },
      close() {
        socket.close();
        for (const fail of sending) fail(new Deno.errors.Interrupted("operation canceled"));
      },
    });
  });
  return promise;
}

/** Sets the options of a group that was joined. If that fails, it leaves the group. */
async function setUp(group: GroupHandle, set: () => void | Promise<void>): Promise<GroupHandle> {
  try {
    await set();
    return group;
  } catch (error) {
    await ignoreFailure(group.leave());
    throw error;
  }
}
