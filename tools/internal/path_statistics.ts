/** Statistics of a path that is measured again and again. It does no I/O. */

import type { PingReport } from "../parsers/ping.ts";
import type { TraceReport } from "../parsers/traceroute.ts";
import type { WatchedHop } from "../diagnose/watch_options.ts";

/** Maximum number of samples of a hop to keep. */
const MAX_SAMPLES = 512;
/** Maximum number of addresses of a hop to keep. */
const MAX_ADDRESSES = 16;

/** The measurements of one hop. */
class Hop {
  readonly addresses = new Set<string>();
  readonly samples: (number | undefined)[] = [];
  sent = 0;
  received = 0;
  best = Infinity;
  worst = 0;
  /** Sum of the times, and of the differences between consecutive ones. */
  sum = 0;
  changes = 0;
  last: number | undefined;

  /** Adds a measurement; undefined for no answer. */
  add(time: number | undefined, address: string | undefined): void {
    this.sent++;
    this.samples.push(time);
    if (this.samples.length > MAX_SAMPLES) this.samples.shift();
    if (time === undefined) return;
    this.received++;
    if (this.last !== undefined) this.changes += Math.abs(time - this.last);
    this.last = time;
    this.sum += time;
    this.best = Math.min(this.best, time);
    this.worst = Math.max(this.worst, time);
    if (address === undefined || this.addresses.has(address)) return;
    if (this.addresses.size < MAX_ADDRESSES) this.addresses.add(address);
  }

  describe(hop: number): WatchedHop {
    const { sent, received, last } = this;
    const common = {
      hop,
      addresses: [...this.addresses],
      sent,
      received,
      samples: [...this.samples],
    };
    const loss = sent === 0 ? 0 : 1 - received / sent;
    if (last === undefined) return { ...common, loss };
    const { best, worst, sum, changes } = this;
    const jitter = received > 1 ? changes / (received - 1) : 0;
    return { ...common, loss, last, best, average: sum / received, worst, jitter };
  }
}

/** Collects the measurements of all hops. */
export class PathStatistics {
  readonly #hops: Hop[] = [];
  /** The distance of the host, as far as it is known. */
  #distance: number | undefined;

  /** Adds a trace of the route. A hop that it does not mention has not answered. */
  addTrace({ hops, reached }: TraceReport): void {
    const length = hops.at(-1)?.hop ?? 0;
    if (reached) this.#distance = length;
    for (let i = 1; i <= Math.max(length, this.#distance ?? 0); i++) {
      const probes = hops.find(({ hop }) => hop === i)?.probes ?? [];
      const probe = probes.find(({ time }) => time !== undefined);
      this.#at(i).add(probe?.time, probe?.address ?? probe?.name);
    }
  }

  /** Adds one echo request and its answer. */
  addPing({ replies, address }: PingReport): void {
    const [first] = replies;
    this.#distance = 1;
    this.#at(1).add(first?.time, first?.from ?? address);
  }

  #at(hop: number): Hop {
    return this.#hops[hop - 1] ??= new Hop();
  }

  /** Whether the host has answered. */
  get reached(): boolean {
    return this.#distance !== undefined && this.#at(this.#distance).received > 0;
  }

  /** The number of hops that a trace has to try: those up to the host, or a few after the last answer. */
  get wanted(): number {
    if (this.#distance !== undefined) return this.#distance;
    const last = this.#hops.findLastIndex((hop) => hop.received > 0);
    return Math.min(30, last + 1 + UNKNOWN);
  }

  /** The statistics of each hop up to the host, or up to the last answer. */
  get hops(): WatchedHop[] {
    const last = this.#hops.findLastIndex((hop) => hop.received > 0) + 1;
    return this.#hops.slice(0, this.#distance ?? Math.max(1, last))
      .map((hop, i) => hop.describe(i + 1));
  }
}

/** The number of hops to try after the last one that answers. */
const UNKNOWN = 5;
