/**
 * The class of UDP sockets. `bindUdp` and `connectUdp` open them.
 *
 * **Permissions**: none. Opening a socket requires permissions.
 *
 * @module
 */

import { formatAddress, normalizeHostname } from "../address.ts";
import { NetError, type NetPhase, toNetError } from "../errors/errors.ts";
import type {
  BindUdpOptions,
  Datagram,
  MulticastMembership,
  MulticastOptions,
  ReceiveOptions,
  RequestUdpOptions,
  UdpStats,
  UdpTarget,
} from "./options.ts";
import { canonical, checkMulticast, RECEIVE, REQUEST } from "./_option_rules.ts";
import { bytesOf, notBytes } from "../internal/bytes.ts";
import { withDeadline } from "../internal/deadline.ts";
import { hostName, peerAddress } from "../internal/host_rules.ts";
import { port as portRule } from "../internal/options.ts";
import type { UdpBackend } from "./_backend.ts";
import { DatagramInbox } from "./_inbox.ts";
import type { KernelPeer } from "./_kernel_peer.ts";
import { joinGroup } from "./_multicast.ts";
import { PeerErrors } from "../internal/peer_errors.ts";
import { PendingRequests } from "./_pending_requests.ts";
import { SendPace } from "./_send_pace.ts";

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
  readonly #pace: SendPace | undefined;
  readonly #questions = new PendingRequests();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.close();
  readonly #stop = new AbortController();
  readonly #only: string | undefined;
  readonly #errors: PeerErrors | undefined;
  /** An error of the peer that no call has reported yet. */
  #refusal: NetError | undefined;
  #closed = false;
  #received = 0;
  #sent = 0;
  #strangers = 0;

  /** @ignore Use {@linkcode bindUdp} or {@linkcode connectUdp}. */
  constructor(
    backend: UdpBackend,
    options: BindUdpOptions,
    remoteAddr?: Deno.NetAddr,
    peer?: KernelPeer,
  ) {
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
    this.#pace = options.pace ? new SendPace(options.pace) : undefined;
    this.#errors = peer && new PeerErrors(peer, (error) => this.#refused(error));
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#onAbort);
    backend.start((data, from) => this.#arrived(data, from), (e) => this.#failed(e));
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
   * @throws {NetError} Of kind "dns", "permission", "unreachable", "closed" and others; "refused" if
   * the peer of a connected socket has refused an earlier datagram. This one is not sent then.
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
    if (this.#pace !== undefined) await this.#pace.turn(signal);
    if (this.#closed) throw this.#closedError("write");
    signal.throwIfAborted();
    this.#errors?.look();
    this.#throwRefusal();
    try {
      await this.#sendRaw(bytes, target);
    } catch (error) {
      if (this.#closed) throw this.#closedError("write");
      throw toNetError(error, { phase: "write", ...target });
    }
    this.#sent++;
    if (!this.#closed) this.#errors?.sent();
  }

  async #sendRaw(bytes: Uint8Array, target: Deno.NetAddr): Promise<void> {
    try {
      await this.#backend.send(bytes, target);
    } catch (error) {
      if (this.#errors === undefined || this.#closed) throw error;
      // It may be the answer to an earlier datagram. The system reports it once.
      await this.#backend.send(bytes, target);
    }
  }

  /**
   * Receives the next datagram.
   *
   * @param options The time limit and the signal of this call.
   * @returns The oldest datagram in the inbox.
   * @throws {NetError} Of kind "timeout", or "closed" after the socket was closed; "refused" if the
   * peer of a connected socket has refused a datagram and no other call has reported that.
   * @throws {RangeError | TypeError} If an option is invalid, or another call is still waiting.
   */
  async receive(options: ReceiveOptions = {}): Promise<Datagram> {
    RECEIVE.checkBriefly("receive", options);
    const { signal, timeout = 0 } = options;
    signal?.throwIfAborted();
    const next = this.#take();
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
   * @throws {NetError} Of kind "timeout" if no answer arrives, "refused" if the peer of a connected
   * socket refuses the datagram, and as {@linkcode UdpSocket.send}.
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
    // An error of the past says nothing about this request.
    this.#errors?.look();
    this.#refusal = undefined;
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
   * @throws {NetError} In phase "multicast": of kind "multicast" if the system refuses, or
   * "unsupported" if Deno cannot do it. `leave` rejects alike.
   * @throws {TypeError | RangeError} If the group or an option is invalid.
   */
  async joinMulticast(group: string, options: MulticastOptions = {}): Promise<MulticastMembership> {
    checkMulticast(group, options, this.backend);
    if (this.#closed) throw this.#closedError("multicast");
    return await joinGroup(this.#backend, group, options, () => this.#closed);
  }

  /** Closes the socket. Pending calls reject with kind "closed". A second call has no effect. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#stop.abort(this.#closedError("read"));
    this.#inbox.end();
    this.#refusal = undefined;
    this.#errors?.close();
    this.#backend.close();
  }

  /** Iterates over the received datagrams until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram, void, void> {
    for (let next; (next = await this.#take()) !== null;) yield next;
  }

  /** Closes the socket. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #take(): Promise<Datagram | null> {
    if (this.#inbox.size === 0) this.#throwRefusal();
    return this.#inbox.take();
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

  /** Handles an error of receiving. Returns whether the socket stays open. */
  #failed(error: unknown): boolean {
    if (this.#closed) return false;
    const failure = toNetError(error, { phase: "read", ...this.addr });
    // Windows reports a datagram that was refused as a reset, and not to whom it was sent.
    if (failure.kind === "reset") {
      const cause = new Deno.errors.ConnectionRefused("connection refused", { cause: error });
      if (this.remoteAddr !== undefined) this.#refused(cause);
      return true;
    }
    if (this.#errors !== undefined) {
      if (failure.kind === "refused" || failure.kind === "unreachable") {
        this.#refused(error);
        return true;
      }
      // Node does not say which error it was, and continues. The next datagram leads to another one.
      if (this.backend === "node") return true;
    }
    this.#inbox.end(failure);
    this.close();
    return false;
  }

  /** Takes an error that the peer's machine has reported. */
  #refused(error: unknown): void {
    const failure = toNetError(error, { phase: "read", ...this.remoteAddr });
    const asked = this.#questions.fail(failure);
    const read = this.#inbox.fail(failure);
    if (!asked && !read) this.#refusal = failure;
  }

  #throwRefusal(): void {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    if (refusal !== undefined) throw refusal;
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

  #closedError(phase: NetPhase): NetError {
    const message = `Socket ${formatAddress(this.addr)} is closed on this side`;
    return new NetError(message, { kind: "closed", phase, address: formatAddress(this.addr) });
  }
}

/** Returns the address and port of a peer in one form, so that they can be compared. */
function peerOf({ hostname, port }: UdpTarget): string {
  return formatAddress({ hostname: hostname.includes(":") ? canonical(hostname) : hostname, port });
}
