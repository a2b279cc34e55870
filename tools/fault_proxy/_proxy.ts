import { createServer, type Server, type Socket } from "node:net";
import { formatAddress } from "../../net/address.ts";
import { toNetError } from "../../net/errors/errors.ts";
import { Countdown } from "../../net/internal/countdown.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import { countLimit } from "../../net/internal/options.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import { FaultLink, type ProxyPlan } from "./_link.ts";
import { PROXY_FAULTS } from "./_option_rules.ts";
import { ProxyTraffic } from "./_pipe.ts";
import type { FaultProxy, FaultProxyOptions, FaultProxyStats, ProxyFaults } from "./options.ts";

/** A proxy that listens after its first `setFaults`. */
export class ListeningProxy implements FaultProxy {
  addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly #finish = Promise.withResolvers<void>();
  readonly #options: FaultProxyOptions;
  readonly #links = new Set<FaultLink>();
  readonly #onAbort = () => void this.shutdown();
  /** The faults of each connection, which override those of `setFaults`, and the counters. */
  readonly #plan: ProxyPlan;
  #faults: ProxyFaults = {};
  #scheduler: ReturnType<typeof setTimeout> | undefined;
  #server: Server | undefined;
  /** Settles when the current attempt to listen has succeeded or failed. */
  #listening: Promise<void> | undefined;
  #stopping: Promise<ShutdownReport> | undefined;
  #accepted = 0;
  #refused = 0;

  constructor(options: FaultProxyOptions, plan?: ProxyPlan) {
    this.#plan = plan ?? { faults: (draw) => this.#drawn(draw), traffic: new ProxyTraffic() };
    const { hostname = "127.0.0.1", port = 0, signal } = options;
    this.#options = options;
    this.addr = { transport: "tcp", hostname, port };
    this.finished = this.#finish.promise;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get url(): string {
    return `tcp://${formatAddress(this.addr)}`;
  }

  stats(): FaultProxyStats {
    return { accepted: this.#accepted, active: this.#links.size, refused: this.#refused };
  }

  async setFaults(faults: ProxyFaults): Promise<void> {
    faults = PROXY_FAULTS.check("setFaults", faults);
    // A proxy must not listen again after its shutdown.
    if (this.#stopping !== undefined) return;
    this.#faults = faults;
    for (const link of this.#links) link.changed();
    // The proxy must listen once, even with `refuse`, to obtain its port.
    if (this.#server === undefined && (!faults.refuse || this.addr.port === 0)) {
      await (this.#listening = this.#listen());
    }
    if (this.#server !== undefined && faults.refuse) {
      this.#server.close();
      this.#server = undefined;
    }
  }

  /** Starts the schedule of the options. */
  startSchedule(): void {
    const { schedule = [], scheduleInterval = 0 } = this.#options;
    const steps = schedule.toSorted((a, b) => a.at - b.at);
    const [last] = steps.slice(-1);
    if (last === undefined) return;
    const period = Math.max(scheduleInterval, last.at + 1);
    let round = performance.now();
    let next = 0;
    const wait = () => {
      if (next === steps.length) {
        if (scheduleInterval === 0) return;
        next = 0;
        round += period;
      }
      const due = round + steps[next]!.at - performance.now();
      this.#scheduler = setTimeout(() => {
        const { at: _, ...faults } = steps[next++]!;
        // A port that another program has taken meanwhile ends the fault "refuse" for good.
        this.setFaults(faults).then(wait, (error) => this.#fail(error));
      }, Math.max(0, due));
    };
    wait();
  }

  /** Reads the faults again, after a change of the plan. */
  changed(): void {
    for (const link of this.#links) link.changed();
  }

  #fail(error: unknown): void {
    const { hostname, port } = this.addr;
    const found = toNetError(error, { phase: "listen", hostname, port });
    this.#options.onEvent?.({ type: "error", peer: formatAddress(this.addr), error: found });
    void this.shutdown();
  }

  reset(): void {
    for (const link of this.#links) link.reset();
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    options = SHUTDOWN.check("shutdown", options);
    return this.#stopping ??= this.#stop(options.deadline ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #stop(deadline: number): Promise<ShutdownReport> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#scheduler);
    // Node has no event for a server that is closed before it listens.
    await ignoreFailure(this.#listening);
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    const open = [...this.#links];
    let forced = 0;
    const countdown = new Countdown(() => {
      forced = this.#links.size;
      this.#links.forEach((link) => link.destroy());
    });
    countdown.start(deadline);
    await Promise.all(open.map((link) => link.closed));
    countdown.stop();
    await closed;
    this.#finish.resolve();
    return { drained: open.length - forced, forced, refused: this.#refused };
  }

  #listen(): Promise<void> {
    const { hostname, port } = this.addr;
    const maxConnections = countLimit(this.#options.maxConnections ?? 1024);
    // Without the permission, the listener of Node throws an error that cannot be caught.
    try {
      Deno.listen({ hostname, port }).close();
    } catch (error) {
      return Promise.reject(toNetError(error, { phase: "listen", hostname, port }));
    }
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const busy = this.#links.size >= maxConnections || this.#stopping !== undefined;
      if (busy || this.#faults.refuse) {
        this.#refused++;
        client.resetAndDestroy();
      } else this.#accept(client);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.on("error", (error) => {
        this.#server = undefined;
        reject(toNetError(error, { phase: "listen", hostname, port }));
      });
      server.listen({ host: hostname, port }, () => {
        const address = server.address();
        if (address !== null && typeof address === "object") {
          this.addr = { transport: "tcp", hostname: address.address, port: address.port };
        }
        resolve();
      });
    });
  }

  #drawn(draw: (name: string) => number): ProxyFaults {
    const { probability = 1 } = this.#faults;
    return probability === 1 || draw("") < probability ? this.#faults : {};
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const link = new FaultLink(client, this.#options, this.#plan);
    this.#links.add(link);
    link.closed.then(() => this.#links.delete(link));
  }
}
