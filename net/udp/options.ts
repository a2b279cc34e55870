/**
 * The options, datagrams and counters of a `UdpSocket`.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The datagram that a full inbox drops: the one that arrives, or the oldest one. */
export type InboxPolicy = "drop-newest" | "drop-oldest";

/** Options of `bindUdp`. */
export interface BindUdpOptions {
  /**
   * The local address. With the default, only this machine can reach the socket.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The local port; 0 takes a free one.
   *
   * @default 0
   */
  port?: number;
  /**
   * Maximum size of a received datagram in bytes. Longer ones are cut and have `truncated` set.
   *
   * @default 65507
   */
  maxSize?: number;
  /** The queue of datagrams that were not received yet. */
  inbox?: {
    /**
     * Maximum number of datagrams.
     *
     * @default 1024
     */
    limit?: number;
    /**
     * The datagram to drop when the inbox is full.
     *
     * @default "drop-oldest"
     */
    policy?: InboxPolicy;
  };
  /**
   * Maximum number of datagrams to send per second, evenly spaced; 0 for no limit. Most of a burst
   * without pauses is lost, because the receiver's buffer overflows.
   *
   * @default 0
   */
  pace?: number;
  /**
   * Whether other sockets may use the same address. Multicast receivers need this.
   *
   * @default false
   */
  reuseAddress?: boolean;
  /**
   * Whether the socket may send to broadcast addresses (SO_BROADCAST). This requires a Node socket.
   *
   * @default false
   */
  broadcast?: boolean;
  /**
   * The implementation of the socket.
   *
   * @default "deno" if it is available and supports the other options, else "node"
   */
  backend?: "deno" | "node";
  /** Closes the socket when the signal is aborted. */
  signal?: AbortSignal;
}

/** Options of `connectUdp`. */
export interface ConnectUdpOptions extends Omit<BindUdpOptions, "hostname" | "port"> {
  /** The IP address of the peer, with its zone if it is link-local. */
  hostname: string;
  /** The port of the peer. */
  port: number;
}

/** The peer that a datagram is sent to. */
export interface UdpTarget {
  /** The host name or IP address of the peer. */
  readonly hostname: string;
  /** The port of the peer, 1 to 65535. */
  readonly port: number;
}

/** One received datagram. */
export interface Datagram {
  /** The bytes of the datagram. They belong to the receiver. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** The address of the sender. UDP does not protect it against forgery. */
  readonly from: Deno.NetAddr;
  /** Whether the datagram was longer than `maxSize` and was cut. */
  readonly truncated: boolean;
}

/** Options of `UdpSocket.receive`. */
export interface ReceiveOptions {
  /**
   * Time limit in milliseconds; 0 for no limit.
   *
   * @default 0
   */
  timeout?: number;
  /** Cancels the call, which rejects with the signal's reason. No datagram is lost. */
  signal?: AbortSignal;
}

/** Options of `UdpSocket.request`. */
export interface RequestUdpOptions {
  /**
   * Time to wait for an answer after the first datagram, in milliseconds; 0 for no limit.
   *
   * @default 1000
   */
  timeout?: number;
  /**
   * Maximum number of repetitions. Each wait is twice as long as the previous one (RFC 8085 §3.1.1).
   *
   * @default 3
   */
  resends?: number;
  /**
   * Returns whether a datagram of the peer is the answer, for example by an identifier in it. The
   * datagram may contain anything. If the function throws, the request rejects with that error.
   *
   * @default every datagram of the peer is the answer
   */
  match?: (data: Uint8Array<ArrayBuffer>) => boolean;
  /** Cancels the request, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of `UdpSocket.joinMulticast`. */
export interface MulticastOptions {
  /**
   * The interface to join on: its address for IPv4; for IPv6 its index on a Deno socket and its
   * name on a Node socket.
   *
   * @default the choice of the system
   */
  interface?: string | number;
  /**
   * Whether sockets on this machine receive datagrams that it sends to the group.
   *
   * @default the setting of the system
   */
  loopback?: boolean;
  /**
   * Maximum number of hops for datagrams to the group, 0 to 255. It works for IPv4 only, because
   * neither implementation can set it for IPv6.
   *
   * @default the setting of the system
   */
  timeToLive?: number;
}

/** Membership of a multicast group (RFC 1112). */
export interface MulticastMembership extends AsyncDisposable {
  /** The address of the group. */
  readonly group: string;
  /** Leaves the group. A second call has no effect. */
  leave(): Promise<void>;
}

/** Counters of a UDP socket. */
export interface UdpStats {
  /** Number of received datagrams, including dropped ones. */
  readonly received: number;
  /** Number of sent datagrams. */
  readonly sent: number;
  /** Number of datagrams dropped because the inbox was full. */
  readonly dropped: number;
  /**
   * Number of datagrams ignored because they were not from the peer of a connected socket. It does not
   * include those that the kernel drops (see `connectUdp`).
   */
  readonly strangers: number;
  /** Number of datagrams in the inbox. */
  readonly waiting: number;
}
