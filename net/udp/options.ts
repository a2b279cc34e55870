/**
 * The options of a `UdpSocket`, and what its methods take and give.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Which datagram a full inbox throws away: the one that comes, or the one that waits longest. */
export type InboxPolicy = "drop-newest" | "drop-oldest";

/** Options of `bindUdp`. */
export interface BindUdpOptions {
  /**
   * The address to bind. Nothing but this machine reaches the default.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to bind; 0 takes a free one.
   *
   * @default 0
   */
  port?: number;
  /**
   * The longest datagram that is received whole, in bytes. What is longer is
   * cut, and says so by `truncated`.
   *
   * @default 65507
   */
  maxSize?: number;
  /** What may wait to be received. */
  inbox?: {
    /**
     * The most datagrams.
     *
     * @default 1024
     */
    limit?: number;
    /**
     * Which one goes when there is one too many.
     *
     * @default "drop-oldest"
     */
    policy?: InboxPolicy;
  };
  /**
   * The most datagrams sent in a second, evenly spaced; 0 lifts it. A burst
   * without pauses loses most of itself in the receiver's buffer.
   *
   * @default 0
   */
  pace?: number;
  /**
   * Whether others may bind the same address, as multicast receivers want.
   *
   * @default false
   */
  reuseAddress?: boolean;
  /**
   * Whether sending to a broadcast address is allowed (SO_BROADCAST). Takes Node's socket.
   *
   * @default false
   */
  broadcast?: boolean;
  /**
   * Which socket to stand on.
   *
   * @default "deno" where it is available and can do what is asked for, else "node"
   */
  backend?: "deno" | "node";
  /** Closes the socket when it is aborted. */
  signal?: AbortSignal;
}

/** Options of `connectUdp`. */
export interface ConnectUdpOptions extends Omit<BindUdpOptions, "hostname" | "port"> {
  /** The only peer, an IP address. */
  hostname: string;
  /** The port of the peer. */
  port: number;
}

/** A host by name or address, and a port. */
export interface UdpTarget {
  /** A name or an IP address. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** One datagram that has arrived. */
export interface Datagram {
  /** Its bytes, the receiver's own memory. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Who sent it, as far as UDP can tell. */
  readonly from: Deno.NetAddr;
  /** Whether it was longer than `maxSize`. */
  readonly truncated: boolean;
}

/** Limits of one receive. */
export interface ReceiveOptions {
  /**
   * How long it may take, in milliseconds; 0 for ever.
   *
   * @default 0
   */
  timeout?: number;
  /** Gives it up; it rejects with the signal's reason and loses nothing. */
  signal?: AbortSignal;
}

/** Options of `UdpSocket.request`. */
export interface RequestUdpOptions {
  /**
   * How long to wait for an answer to each sending, in milliseconds.
   *
   * @default 1000
   */
  timeout?: number;
  /**
   * How often to send again. Each wait is twice as long as the one before (RFC 8085 §3.1.1).
   *
   * @default 3
   */
  resends?: number;
  /**
   * Says whether a datagram of the peer is the answer, e.g. by an identifier in
   * it. Anybody can send anything: what it throws rejects the request.
   */
  match?: (data: Uint8Array<ArrayBuffer>) => boolean;
  /** Gives up; it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of `UdpSocket.joinMulticast`. */
export interface MulticastOptions {
  /**
   * The interface: for IPv4 its address; for IPv6 its index with Deno's socket, its
   * name with Node's.
   *
   * @default the system's choice
   */
  interface?: string | number;
  /** Whether this machine hears what it sends to the group itself. @default as the system has it */
  loopback?: boolean;
  /**
   * How many hops what is sent may take, 0 to 255. IPv4 alone: neither socket can say it
   * for IPv6.
   *
   * @default as the system has it
   */
  timeToLive?: number;
}

/** Membership of a multicast group (RFC 1112). */
export interface MulticastMembership extends AsyncDisposable {
  /** The group. */
  readonly group: string;
  /** Leaves the group; a second time is harmless. */
  leave(): Promise<void>;
}

/** Counters of a socket. */
export interface UdpStats {
  /** Datagrams received, dropped ones included. */
  readonly received: number;
  /** Datagrams sent. */
  readonly sent: number;
  /** Datagrams thrown away because the inbox was full. */
  readonly dropped: number;
  /** Datagrams thrown away because they were not the connected peer's. */
  readonly strangers: number;
  /** Datagrams waiting. */
  readonly waiting: number;
}
