/**
 * UDP (RFC 768): datagrams in and out, questions with answers, multicast. One
 * class over Deno's own sockets and, where those are not to be had
 * (`--unstable-net`) or cannot do what is asked for, over Node's.
 *
 * UDP loses, repeats and reorders; it tells nobody. What is received waits in a
 * bounded inbox; what does not fit is dropped and counted.
 *
 * @example A question and its answer
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
 * **Permissions**: `--allow-net=127.0.0.1` for the address that is bound and
 * those that are sent to.
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
import { canonical, checkAddress, checkMulticast, checkPort } from "./_check.ts";
import { withDeadline } from "../internal/deadline.ts";
import { DatagramInbox } from "./_inbox.ts";
import { checkNumber } from "../internal/options.ts";
import { Questions } from "./_questions.ts";
import { openUdp, type UdpBackend } from "./_backend.ts";

export type * from "./options.ts";

/** The most bytes that a datagram can carry over IPv4 (65535 less both headers). */
const MAX_DATAGRAM = 65_507;

const encoder = new TextEncoder();

/**
 * A UDP socket. Made by {@linkcode bindUdp} or {@linkcode connectUdp}.
 *
 * @example Iterate over what arrives
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
  /** The address that is bound. */
  readonly addr: Deno.NetAddr;
  /** The same as a URL, e.g. `udp://127.0.0.1:8001`. */
  readonly url: string;
  /** The only peer of a connected socket. */
  readonly remoteAddr: Deno.NetAddr | undefined;
  /** Which kind of socket it stands on. */
  readonly backend: "deno" | "node";

  readonly #backend: UdpBackend;
  readonly #inbox: DatagramInbox<Datagram>;
  readonly #maxSize: number;
  readonly #interval: number;
  readonly #questions = new Questions();
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

  /** Counters of this moment. */
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
   * Sends one datagram, paced if asked for. That it was sent does not say that it arrives.
   *
   * @param data 0 to 65507 bytes, or text that is encoded as UTF-8.
   * @param to The peer; a connected socket knows it.
   * @returns Resolves when the system has taken it.
   * @throws {RangeError} If it is longer.
   * @throws {TypeError} If it is neither, nobody is named to send to, or another than the
   * connected peer.
   * @throws {NetError} "dns", "permission", "unreachable", "closed" …
   */
  send(data: Uint8Array | string, to?: UdpTarget): Promise<void> {
    return this.#send(data, to, this.#stop.signal);
  }

  async #send(
    data: Uint8Array | string,
    to: UdpTarget | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError("Cannot send: it is neither a Uint8Array nor a string");
    }
    const target = this.#target(to);
    if (bytes.length > MAX_DATAGRAM) {
      throw new RangeError(
        `Cannot send a datagram of ${bytes.length} bytes: ${MAX_DATAGRAM} is the most`,
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
   * @param options Limits of this receive.
   * @returns The datagram.
   * @throws {NetError} "timeout", or "closed" once the socket is closed.
   */
  async receive(options: ReceiveOptions = {}): Promise<Datagram> {
    const { signal } = options;
    const timeout = checkNumber("timeout", options.timeout ?? 0);
    signal?.throwIfAborted();
    const next = this.#inbox.take();
    let datagram: Datagram | null;
    if (timeout === 0 && signal === undefined) datagram = await next;
    else {
      const late = () => {
        const message = `Cannot receive on ${formatAddress(this.addr)}: nothing in ${timeout} ms`;
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
   * Sends a question and waits for the peer's answer, sending again when none
   * comes. Whatever anybody else sends meanwhile stays for `receive`.
   *
   * @param data The question.
   * @param to The peer; an IP address, for answers are told apart by it.
   * @param options Time limits, how often to send again, and what an answer is.
   * @returns The answer.
   * @throws {NetError} "timeout" when the last wait is over.
   */
  async request(
    data: Uint8Array | string,
    to?: UdpTarget,
    options: RequestUdpOptions = {},
  ): Promise<Datagram> {
    const { resends = 3, match, signal } = options;
    let timeout = checkNumber("timeout", options.timeout ?? 1000);
    checkNumber("resends", resends);
    signal?.throwIfAborted();
    const target = this.#target(to);
    checkAddress(target.hostname);
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
   * @param group Its address, 224.0.0.0/4 or ff00::/8.
   * @param options Interface, loopback and hops.
   * @returns The membership; leave it or dispose of it.
   * @throws {NetError} If the system refuses; "unsupported" for what Deno cannot do.
   * @throws {TypeError | RangeError} If the group is none, or an option is no use.
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

  /** Closes the socket; what waits rejects with kind "closed". A second time is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#stop.abort(this.#closedError("read"));
    this.#inbox.end();
    this.#backend.close();
  }

  /** Iterates over what arrives until the socket is closed. */
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
        throw new TypeError(`Cannot send to ${formatAddress(to)}: connected to ${this.#only}`);
      }
      return only;
    }
    if (to === undefined) throw new TypeError("Cannot send: no peer is named");
    return { transport: "udp", hostname: to.hostname, port: checkPort(to.port, 1) };
  }

  /** Waits for this datagram's turn under the pace, or until it is given up. */
  async #turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#nextSend);
    this.#nextSend = at + this.#interval;
    // A timer is no finer than a millisecond: shorter waits are caught up on.
    if (at - now >= 1) await delay(at - now, { signal }).catch(() => {});
  }

  #closedError(phase: NetPhase): NetError {
    const message = `Socket ${formatAddress(this.addr)} is closed on this side`;
    return new NetError(message, { kind: "closed", phase, address: formatAddress(this.addr) });
  }
}

/**
 * Binds a UDP socket.
 *
 * @param options Where to bind, and the limits.
 * @returns The socket.
 * @throws {NetError} "address-in-use", "permission", "unsupported" with the flag that is missing …
 * @throws {RangeError} If an option is out of range.
 *
 * @example Too long a datagram
 * ```ts
 * import { bindUdp } from "@portside/kit/net/udp";
 * import { assertRejects } from "@std/assert";
 *
 * await using socket = await bindUdp();
 * await assertRejects(() => socket.send(new Uint8Array(65508), socket.addr), RangeError, "65507");
 * ```
 */
export async function bindUdp(options: BindUdpOptions = {}): Promise<UdpSocket> {
  return new UdpSocket(await openUdp(options), options);
}

/**
 * Makes a UDP socket that has one peer: it sends to it alone and hears nobody else.
 *
 * @param options The peer, and the limits.
 * @returns The socket.
 * @throws {NetError} As {@linkcode bindUdp}.
 * @throws {RangeError} If an option is out of range.
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
  const { port, hostname: named, ...rest } = options;
  checkPort(port, 1);
  checkAddress(named);
  // Its zone is needed to reach it, but is no part of who it is.
  const hostname = named.includes("%") ? named : canonical(named);
  const loopback = hostname.startsWith("127.") || hostname === "::1";
  const any = hostname.includes(":") ? "::" : "0.0.0.0";
  const local = loopback ? (hostname === "::1" ? "::1" : "127.0.0.1") : any;
  const bind = { ...rest, hostname: local, port: 0 };
  return new UdpSocket(await openUdp(bind), bind, { transport: "udp", hostname, port });
}

/** Who somebody is, whatever way the address is written. */
function peerOf({ hostname, port }: UdpTarget): string {
  return formatAddress({ hostname: hostname.includes(":") ? canonical(hostname) : hostname, port });
}
