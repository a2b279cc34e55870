/**
 * UDP sockets (RFC 768): datagrams, requests with answers, and multicast. The sockets are those of
 * Deno if they are available (`--unstable-net`) and support the options, else those of Node.
 *
 * UDP loses, repeats and reorders datagrams without notice. Received datagrams wait in a bounded
 * inbox. Datagrams that do not fit are dropped and counted.
 *
 * @example A request and its answer
 * ```ts
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * await using client = await bindUdp();
 * const serving = server.receive().then(({ data, from }) => server.send(data, from));
 * const answer = await client.request("ping", server.addr, { timeout: 500, resends: 2 });
 * await serving;
 * assertEquals(new TextDecoder().decode(answer.data), "ping");
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1` for the local address, and the same for each peer.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { formatAddress, normalizeHostname } from "../address.ts";
import { NetError, type NetPhase, toNetError } from "../errors/errors.ts";
import type {
  BindUdpOptions,
  ConnectUdpOptions,
  Datagram,
  MulticastMembership,
  MulticastOptions,
  ReceiveOptions,
  RequestUdpOptions,
  UdpStats,
  UdpTarget,
} from "./options.ts";
import { BIND, canonical, checkMulticast, CONNECT, RECEIVE, REQUEST } from "./_option_rules.ts";
import { bytesOf, notBytes } from "../internal/bytes.ts";
import { withDeadline } from "../internal/deadline.ts";
import { DatagramInbox } from "./_inbox.ts";
import { hostName, peerAddress } from "../internal/host_rules.ts";
import { port as portRule } from "../internal/options.ts";
import { PendingRequests } from "./_pending_requests.ts";
import { openUdp, type UdpBackend } from "./_backend.ts";

export type * from "./options.ts";

/** Maximum payload of a datagram over IPv4 in bytes: 65535 minus both headers. */
const MAX_DATAGRAM = 65_507;

/**
 * A UDP socket, opened by {@linkcode bindUdp} or {@linkcode connectUdp}.
 *
 * @example Iterate over datagrams
 * ```ts
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * await using client = await bindUdp();
 * await client.send("one", server.addr);
 * for await (const { data } of server) {
 *   assertEquals(new TextDecoder().decode(data), "one");
 *   break;
 * }
 * ```
 */
export class UdpSocket implements AsyncDisposable, AsyncIterable<Datagram> {
  /** The local address. */
  readonly addr: Deno.NetAddr;
  /** The local address as a URL, for example `udp://127.0.0.1:8001`. */
  readonly url: string;
  /** The peer of a connected socket; undefined for other sockets. */
  readonly remoteAddr: Deno.NetAddr | undefined;
  /** The implementation of the socket. */
  readonly backend: "deno" | "node";

  readonly #backend: UdpBackend;
  readonly #inbox: DatagramInbox<Datagram>;
  readonly #maxSize: number;
  readonly #interval: number;
  readonly #questions = new PendingRequests();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.close();
  readonly #stop = new AbortController();
  readonly #only: string | undefined;
  #nextSend = 0;
  #closed = false;
  #received = 0;
  #sent = 0;
  #strangers = 0;

  /** @ignore Use {@linkcode bindUdp} or {@linkcode connectUdp}. */
  constructor(backend: UdpBackend, options: BindUdpOptions, remoteAddr?: Deno.NetAddr) {
    this.#backend = backend;
    this.backend = backend.name;
    this.addr = backend.addr;
    this.url = `udp://${formatAddress(backend.addr)}`;
    this.remoteAddr = remoteAddr;
    this.#only = remoteAddr && peerOf(remoteAddr);
    this.#maxSize = options.maxSize ?? MAX_DATAGRAM;
    this.#inbox = new DatagramInbox(
      options.inbox?.limit ?? 1024,
      options.inbox?.policy ?? "drop-oldest",
    );
    this.#interval = options.pace ? 1000 / options.pace : 0;
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#onAbort);
    backend.start((data, from) => this.#arrived(data, from), (error) => this.#failed(error));
    if (options.signal?.aborted) this.close();
  }

  /**
   * Returns the current counters.
   *
   * @returns A snapshot. It does not change afterwards.
   */
  stats(): UdpStats {
    return {
      received: this.#received,
      sent: this.#sent,
      dropped: this.#inbox.dropped,
      strangers: this.#strangers,
      waiting: this.#inbox.size,
    };
  }

  /**
   * Sends one datagram. With the option `pace`, it waits for its turn first. A datagram that was
   * sent may still be lost.
   *
   * @param data 0 to 65507 bytes, or text, which is encoded as UTF-8.
   * @param to The peer. A connected socket does not need it.
   * @returns A promise that resolves when the system has taken the datagram.
   * @throws {RangeError} If the datagram is too long.
   * @throws {TypeError} If `data` has another type, `to` is missing, or `to` differs from the peer
   * of a connected socket.
   * @throws {NetError} Of kind "dns", "permission", "unreachable", "closed" and others.
   */
  send(data: Uint8Array | string, to?: UdpTarget): Promise<void> {
    return this.#send(data, to, this.#stop.signal);
  }

  async #send(
    data: Uint8Array | string,
    to: UdpTarget | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = bytesOf(data);
    if (bytes === undefined) throw notBytes(data);
    const target = this.#target(to);
    if (bytes.length > MAX_DATAGRAM) {
      throw new RangeError(
        `Cannot send a datagram of ${bytes.length} bytes: the maximum is ${MAX_DATAGRAM}`,
      );
    }
    if (this.#interval > 0) await this.#turn(signal);
    if (this.#closed) throw this.#closedError("write");
    signal.throwIfAborted();
    try {
      await this.#backend.send(bytes, target);
    } catch (error) {
      if (this.#closed) throw this.#closedError("write");
      throw toNetError(error, { phase: "write", ...target });
    }
    this.#sent++;
  }

  /**
   * Receives the next datagram.
   *
   * @param options The time limit and the signal of this call.
   * @returns The oldest datagram in the inbox.
   * @throws {NetError} Of kind "timeout", or "closed" after the socket was closed.
   * @throws {RangeError | TypeError} If an option is invalid, or another call is still waiting.
   */
  async receive(options: ReceiveOptions = {}): Promise<Datagram> {
    RECEIVE.checkBriefly("receive", options);
    const { signal, timeout = 0 } = options;
    signal?.throwIfAborted();
    const next = this.#inbox.take();
    let datagram: Datagram | null;
    if (timeout === 0 && signal === undefined) datagram = await next;
    else {
      const late = () => {
        const message = `Cannot receive on ${formatAddress(this.addr)}: ` +
          `no datagram arrived within ${timeout} ms`;
        return new NetError(message, { kind: "timeout", phase: "read", address: this.url });
      };
      try {
        datagram = await withDeadline(next, timeout, late, signal);
      } catch (error) {
        this.#inbox.interrupt(next, error);
        throw error;
      }
    }
    if (datagram === null) throw this.#closedError("read");
    return datagram;
  }

  /**
   * Sends a datagram and waits for the peer's answer. It sends the datagram again while no answer
   * arrives. Datagrams of other peers stay in the inbox for `receive`.
   *
   * @param data The datagram to send: 0 to 65507 bytes, or text.
   * @param to The peer by its IP address, because answers are matched by address.
   * @param options The time limit, the number of repetitions, and a test for answers.
   * @returns The first datagram of the peer that is an answer.
   * @throws {NetError} Of kind "timeout" if no answer arrives, and as {@linkcode UdpSocket.send}.
   * @throws {RangeError | TypeError} If an argument is invalid.
   */
  async request(
    data: Uint8Array | string,
    to?: UdpTarget,
    options: RequestUdpOptions = {},
  ): Promise<Datagram> {
    REQUEST.checkBriefly("request", options);
    const { resends = 3, match, signal } = options;
    let { timeout = 1000 } = options;
    signal?.throwIfAborted();
    const target = this.#target(to);
    peerAddress("to.hostname", target.hostname);
    const from = peerOf(target);
    const question = this.#questions.ask(from, match);
    const both = signal === undefined
      ? this.#stop.signal
      : AbortSignal.any([signal, this.#stop.signal]);
    const late = new NetError(
      `No answer from ${from} to ${resends + 1} datagrams`,
      { kind: "timeout", phase: "read", address: from },
    );
    try {
      for (let sending = 0; sending <= resends; sending++, timeout *= 2) {
        await this.#send(data, target, both);
        try {
          return await withDeadline(question.answered, timeout, () => late, both);
        } catch (error) {
          if (error !== late) throw error;
        }
      }
      throw late;
    } finally {
      this.#questions.forget(question);
    }
  }

  /**
   * Joins a multicast group.
   *
   * @param group The address of the group, in 224.0.0.0/4 or ff00::/8.
   * @param options The interface, the loopback and the number of hops.
   * @returns The membership. Call `leave` on it, or dispose of it.
   * @throws {NetError} If the system refuses, or of kind "unsupported" if Deno cannot do it.
   * @throws {TypeError | RangeError} If the group or an option is invalid.
   */
  async joinMulticast(group: string, options: MulticastOptions = {}): Promise<MulticastMembership> {
    checkMulticast(group, options, this.backend);
    if (this.#closed) throw this.#closedError("listen");
    try {
      const handle = await this.#backend.join(group, options);
      let left = false;
      const leave = async () => {
        if (left || this.#closed) return;
        left = true;
        await handle.leave();
      };
      return { group, leave, [Symbol.asyncDispose]: leave };
    } catch (error) {
      throw toNetError(error, { phase: "listen", address: group });
    }
  }

  /** Closes the socket. Pending calls reject with kind "closed". A second call has no effect. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#stop.abort(this.#closedError("read"));
    this.#inbox.end();
    this.#backend.close();
  }

  /** Iterates over the received datagrams until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram, void, void> {
    for (let next; (next = await this.#inbox.take()) !== null;) yield next;
  }

  /** Closes the socket. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #arrived(bytes: Uint8Array, from: Deno.NetAddr): void {
    const truncated = bytes.length > this.#maxSize;
    const data = (truncated ? bytes.subarray(0, this.#maxSize) : bytes) as Uint8Array<ArrayBuffer>;
    const datagram = {
      data,
      from: { ...from, hostname: normalizeHostname(from.hostname) },
      truncated,
    };
    this.#received++;
    const peer = formatAddress(datagram.from);
    if (this.#only !== undefined && peer !== this.#only) {
      this.#strangers++;
      return;
    }
    if (!this.#questions.answer(peer, datagram)) this.#inbox.put(datagram);
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    this.#inbox.end(toNetError(error, { phase: "read", ...this.addr }));
    this.close();
  }

  #target(to: UdpTarget | undefined): Deno.NetAddr {
    const only = this.remoteAddr;
    if (only !== undefined) {
      if (to !== undefined && peerOf(to) !== this.#only) {
        const peer = formatAddress(to);
        throw new TypeError(`Cannot send to ${peer}: the socket is connected to ${this.#only}`);
      }
      return only;
    }
    if (to === undefined) throw new TypeError("Cannot send: to is missing");
    hostName("to.hostname", to.hostname);
    portRule("to.port", to.port);
    return { transport: "udp", hostname: to.hostname, port: to.port };
  }

  /** Waits until the pace allows the next datagram, or until the signal is aborted. */
  async #turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#nextSend);
    this.#nextSend = at + this.#interval;
    // Timers have a resolution of 1 ms. Shorter waits are made up for by later ones.
    if (at - now >= 1) await delay(at - now, { signal }).catch(() => {});
  }

  #closedError(phase: NetPhase): NetError {
    const message = `Socket ${formatAddress(this.addr)} is closed on this side`;
    return new NetError(message, { kind: "closed", phase, address: formatAddress(this.addr) });
  }
}

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
  return new UdpSocket(await openUdp(bind), bind, { transport: "udp", hostname, port });
}

/** Returns the address and port of a peer in one form, so that they can be compared. */
function peerOf({ hostname, port }: UdpTarget): string {
  return formatAddress({ hostname: hostname.includes(":") ? canonical(hostname) : hostname, port });
}
