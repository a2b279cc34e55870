/**
 * A UDP proxy that simulates a bad network: latency, reordering, loss and duplicates of datagrams.
 *
 * @example Lost datagrams
 * ```ts
 * import { bindUdp, connectUdp } from "@portside/kit/net/udp";
 * import { serveUdpFaultProxy } from "@portside/kit/tools/fault-proxy";
 * import { assertRejects } from "@std/assert";
 *
 * await using server = await bindUdp();
 * const to = { hostname: "127.0.0.1", port: server.addr.port };
 * await using proxy = await serveUdpFaultProxy({ to, upload: { loss: 1 } });
 * await using client = await connectUdp({ hostname: "127.0.0.1", port: proxy.addr.port });
 * await client.send("hello");
 * await assertRejects(() => server.receive({ timeout: 20 }));
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1` for the addresses to listen on and to send to.
 *
 * @module
 */

import { formatAddress, type HostPort } from "../../net/address.ts";
import { hostName } from "../../net/internal/host_rules.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import {
  callback,
  group,
  limit,
  listenPort,
  MAX_TIMER,
  numberFrom,
  OptionRules,
  port,
  required,
  signal,
} from "../../net/internal/options.ts";
import { bindUdp, connectUdp, type UdpSocket } from "../../net/udp/socket.ts";
import { resolveBySystem } from "../internal/connection_phases.ts";

/** The faults of datagrams in one direction. */
export interface DatagramFaults {
  /** Delay of each datagram, in milliseconds. @default 0 */
  latency?: number;
  /** Largest random deviation from `latency`, in milliseconds. It changes the order. @default 0 */
  jitter?: number;
  /** Probability that a datagram is lost, 0 to 1. @default 0 */
  loss?: number;
  /** Probability that a datagram arrives twice, 0 to 1. @default 0 */
  duplicate?: number;
  /** Most bytes of a datagram. Longer ones are lost. @default Infinity */
  maxSize?: number;
}

/** The faults of a UDP proxy. */
export interface UdpProxyFaults {
  /** Faults of the datagrams from clients. @default none */
  upload?: DatagramFaults;
  /** Faults of the datagrams from the server. @default none */
  download?: DatagramFaults;
}

/** Options of `serveUdpFaultProxy`. All times are in milliseconds. */
export interface UdpFaultProxyOptions extends UdpProxyFaults {
  /** The address to listen on. @default "127.0.0.1" */
  hostname?: string;
  /** The port to listen on; 0 selects a free one. @default 0 */
  port?: number;
  /**
   * The target server. A name is resolved once, at the start: to the first address of the family that the
   * proxy listens on, or to the first one.
   */
  to: HostPort;
  /** Most clients at a time. The one that has been silent for the longest time ends. @default 1024 */
  maxClients?: number;
  /** Returns a random number from 0 to 1. @default Math.random */
  random?: () => number;
  /** Shuts the proxy down when it is aborted. */
  signal?: AbortSignal;
}

/** Counters of a UDP fault proxy. */
export interface UdpFaultProxyStats {
  /** Clients that have a socket to the server. */
  readonly clients: number;
  /** Datagrams passed on. */
  readonly passed: number;
  /** Datagrams lost on purpose, or because too many were on their way. */
  readonly lost: number;
}

/** A running UDP fault proxy. */
export interface UdpFaultProxy extends AsyncDisposable {
  /** The address on which the proxy listens. */
  readonly addr: Deno.NetAddr;
  /** The URL of the proxy, e.g. `udp://127.0.0.1:7000`. */
  readonly url: string;
  /** Resolves when the proxy has shut down. */
  readonly finished: Promise<void>;
  /**
   * Returns the current counters.
   *
   * @returns A snapshot, which does not change afterwards.
   */
  stats(): UdpFaultProxyStats;
  /**
   * Replaces the faults. A fault that is not given ends.
   *
   * @param faults The new faults. An empty object ends all of them.
   * @throws {RangeError | TypeError} If a fault is invalid.
   */
  setFaults(faults: UdpProxyFaults): void;
  /** Closes all sockets. Datagrams on their way are lost. */
  shutdown(): Promise<void>;
}

const probability = numberFrom(0, 1);
const DATAGRAM_FAULTS = group(
  new OptionRules<DatagramFaults>({
    latency: numberFrom(0, MAX_TIMER),
    jitter: numberFrom(0, MAX_TIMER),
    loss: probability,
    duplicate: probability,
    maxSize: limit,
  }),
);
const FAULTS = new OptionRules<UdpProxyFaults>({
  upload: DATAGRAM_FAULTS,
  download: DATAGRAM_FAULTS,
});
const OPTIONS = new OptionRules<UdpFaultProxyOptions>({
  ...FAULTS.rules,
  hostname: hostName,
  port: listenPort,
  to: required(
    group(new OptionRules<HostPort>({ hostname: required(hostName), port: required(port) })),
  ),
  maxClients: numberFrom(1, 100_000),
  random: callback,
  signal,
});

/** Most datagrams that are on their way at a time, and most of their bytes. */
const MOST_UNDERWAY = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Starts a UDP fault proxy. Each client has a socket of its own to the server.
 *
 * @param options The address to listen on, the target server, and the faults.
 * @returns The running proxy. It listens already.
 * @throws {NetError} In phase "listen": "address-in-use", "permission" …; in phase "resolve": "dns".
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example Every datagram arrives twice
 * ```ts
 * import { bindUdp, connectUdp } from "@portside/kit/net/udp";
 * import { serveUdpFaultProxy } from "@portside/kit/tools/fault-proxy";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * const to = { hostname: "127.0.0.1", port: server.addr.port };
 * await using proxy = await serveUdpFaultProxy({ to, upload: { duplicate: 1 } });
 * await using client = await connectUdp({ hostname: "127.0.0.1", port: proxy.addr.port });
 * await client.send("hello");
 * assertEquals((await server.receive()).data, (await server.receive()).data);
 * ```
 */
export async function serveUdpFaultProxy(options: UdpFaultProxyOptions): Promise<UdpFaultProxy> {
  options = OPTIONS.check("serveUdpFaultProxy", options);
  const { hostname, port, signal } = options;
  signal?.throwIfAborted();
  const front = await bindUdp({ ...hostname && { hostname }, ...port && { port } });
  try {
    const to = await resolved(options.to, front.addr.hostname, signal);
    return new UdpProxy(front, { ...options, to });
  } catch (error) {
    front.close();
    throw error;
  }
}

/** Time limit for the address of a name, in milliseconds. */
const RESOLVE = 10_000;

async function resolved(to: HostPort, own: string, signal?: AbortSignal): Promise<HostPort> {
  const hostname = to.hostname.replace(/^\[(.*)\]$/, "$1");
  const found = await resolveBySystem(hostname, { timeout: RESOLVE, signal });
  const isSix = (address: string) => address.includes(":");
  const same = found.find((address) => isSix(address) === isSix(own));
  return { hostname: same ?? found[0]!, port: to.port };
}

/** Sends one datagram after the other, because concurrent calls can change the order. */
class Sender {
  #last: Promise<unknown> = Promise.resolve();

  send(work: () => Promise<unknown>): void {
    // UDP reports nothing to the sender.
    this.#last = ignoreFailure(this.#last.then(work));
  }
}

/** A client: its socket to the server, and the datagrams that are sent in both directions. */
interface Client {
  readonly socket: Promise<UdpSocket>;
  readonly upload: Sender;
  readonly download: Sender;
}

class UdpProxy implements UdpFaultProxy {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly #front: UdpSocket;
  readonly #options: UdpFaultProxyOptions;
  readonly #finish = Promise.withResolvers<void>();
  /** The sockets to the server by client, the one that was silent for the longest time first. */
  readonly #clients = new Map<string, Client>();
  readonly #underway = new Set<ReturnType<typeof setTimeout>>();
  readonly #onAbort = () => void this.shutdown();
  #bytesUnderway = 0;
  #faults: UdpProxyFaults;
  #passed = 0;
  #lost = 0;
  #stopped = false;

  constructor(front: UdpSocket, options: UdpFaultProxyOptions) {
    this.#front = front;
    this.#options = options;
    this.#faults = FAULTS.pick(options);
    this.addr = front.addr;
    this.finished = this.#finish.promise;
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    void this.#serve();
  }

  get url(): string {
    return `udp://${formatAddress(this.addr)}`;
  }

  stats(): UdpFaultProxyStats {
    return { clients: this.#clients.size, passed: this.#passed, lost: this.#lost };
  }

  setFaults(faults: UdpProxyFaults): void {
    this.#faults = FAULTS.check("setFaults", faults);
  }

  async shutdown(): Promise<void> {
    if (this.#stopped) return await this.finished;
    this.#stopped = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    for (const timer of this.#underway) clearTimeout(timer);
    this.#front.close();
    for (const { socket } of this.#clients.values()) {
      await ignoreFailure(socket.then((one) => one.close()));
    }
    this.#finish.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #serve(): Promise<void> {
    for await (const { data, from } of this.#front) {
      const key = formatAddress(from);
      const known = this.#clients.get(key);
      this.#clients.delete(key);
      const client = known ?? this.#open(key, from);
      this.#clients.set(key, client);
      const send = async () => (await client.socket).send(data);
      this.#pass(data, this.#faults.upload, client.upload, send);
    }
  }

  #open(key: string, address: Deno.NetAddr): Client {
    const { to, maxClients = 1024 } = this.#options;
    const [oldest] = this.#clients;
    if (this.#clients.size >= maxClients && oldest !== undefined) {
      void ignoreFailure(oldest[1].socket.then((one) => one.close()));
      this.#clients.delete(oldest[0]);
    }
    const client = { socket: connectUdp(to), upload: new Sender(), download: new Sender() };
    void ignoreFailure(
      client.socket.then(async (socket) => {
        await this.#answer(socket, client.download, address);
        await socket.close();
      }).finally(() => {
        if (this.#clients.get(key) === client) this.#clients.delete(key);
      }),
    );
    return client;
  }

  async #answer(socket: UdpSocket, sender: Sender, client: Deno.NetAddr): Promise<void> {
    while (!this.#stopped) {
      try {
        const { data } = await socket.receive();
        this.#pass(data, this.#faults.download, sender, () => this.#front.send(data, client));
      } catch (error) {
        // A server that does not listen yet refuses datagrams, and the socket stays open.
        if ((error as { kind?: string }).kind !== "refused") return;
      }
    }
  }

  #pass(
    data: Uint8Array,
    faults: DatagramFaults = {},
    sender: Sender,
    work: () => Promise<unknown>,
  ): void {
    if (this.#stopped) return;
    const { random = Math.random } = this.#options;
    const { latency = 0, jitter = 0, loss = 0, duplicate = 0, maxSize = Infinity } = faults;
    const copies = duplicate > 0 && random() < duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const isLost = data.length > maxSize || (loss > 0 && random() < loss);
      const isFull = this.#underway.size >= MOST_UNDERWAY ||
        this.#bytesUnderway + data.length > MOST_BYTES;
      if (isLost || isFull) {
        this.#lost++;
        continue;
      }
      const wait = latency + (jitter > 0 ? jitter * (random() * 2 - 1) : 0);
      const send = () => {
        this.#passed++;
        sender.send(work);
      };
      if (wait <= 0) send();
      else {
        const timer = setTimeout(() => {
          this.#underway.delete(timer);
          this.#bytesUnderway -= data.length;
          send();
        }, Math.min(wait, MAX_TIMER));
        this.#underway.add(timer);
        this.#bytesUnderway += data.length;
      }
    }
  }
}
