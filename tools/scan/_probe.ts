import type { Pace } from "../internal/scan_pace.ts";
import type { Dial, DialEnd } from "../internal/scan_dial.ts";

/** The result of one probe: 0 open, 1 closed, 2 filtered, 3 error. */
export type ProbeState = 0 | 1 | 2 | 3;

/** The part of `Pace` that a prober uses. */
export type ProbePace = Pick<Pace, "limit" | "answered" | "silent" | "timeLimit" | "ease">;

/** Ports of one host. */
export interface ProbeChunk {
  readonly id: number;
  readonly address: string;
  readonly ports: Uint16Array;
}

/** Called for each port, with the chunk, the port, its state, the time in ms, and an error code. */
export type OnProbe = (
  chunk: number,
  port: number,
  state: ProbeState,
  ms: number,
  code: string,
) => void;

/** Probes ports. */
export interface Prober {
  /** Adds ports to probe. */
  push(chunk: ProbeChunk): void;
  /** Cancels all probes. */
  stop(): void;
}

interface Job {
  readonly chunk: number;
  readonly address: string;
  readonly port: number;
  /** Number of attempts without an answer. */
  tries: number;
  /** Number of further attempts after local failures, such as a lack of file descriptors. */
  patience: number;
  /** Whether this is the second attempt after a connection that the scan may have made to itself. */
  seen: boolean;
}

interface Pending {
  readonly job: Job;
  readonly started: number;
  cancel: () => void;
}

/** The ways to connect. */
export interface Dials {
  readonly plain: Dial;
  /** For addresses with a zone, such as `fe80::1%eth0`. */
  readonly zoned: Dial;
}

/**
 * A prober that connects to ports.
 *
 * The class must not use anything else from this or another module. A Worker is created from its
 * source text, because a Worker from a file needs a permission to read it.
 */
export class SocketProber implements Prober {
  /** Interval between two checks of the time limits, and the least of them, in milliseconds. */
  static readonly #SWEEP = 50;
  static readonly #LEAST_SWEEP = 5;
  /** Number of attempts after local failures, and the pause between them in milliseconds. */
  static readonly #PATIENCE = 12;
  static readonly #PAUSE = 20;
  /**
   * Most connections to start in one iteration of the event loop while many are pending. Deno handles
   * 128 events per iteration (the budget of tokio). If all of them are new connections, older ones
   * starve until they seem filtered.
   */
  static readonly #BURST = 32;
  /** Number of connections below which none starves. */
  static readonly #CALM = 64;
  /** Most addresses with remembered errors. */
  static readonly #REMEMBERED = 1000;
  static readonly #SCARCE = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EAGAIN|EADDRNOTAVAIL)$/;
  /** A closed port refuses. A reset means that the port was open and the server closed at once. */
  static readonly #BROKEN = /^(ECONNRESET|ENOTCONN)$/;
  static readonly #FILTERED = /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|ENETDOWN)$/;

  readonly #pace: ProbePace;
  /** Most probes per second; 0 lifts the limit. */
  readonly #rate: number;
  readonly #dials: Dials;
  readonly #onProbe: OnProbe;
  readonly #chunks: ProbeChunk[] = [];
  readonly #again: Job[] = [];
  readonly #soon: Job[] = [];
  readonly #pending = new Set<Pending>();
  /** Addresses with a local failure that all ports share, and the reason. */
  readonly #hopeless = new Set<string>();
  /** The index of the next port of the first chunk. */
  #at = 0;
  /** Number of ports that have not been probed yet. */
  #queued = 0;
  #running = 0;
  #easedAt = -Infinity;
  #stopped = false;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #sweptAt = 0;
  #skipped = false;
  #starter: ReturnType<typeof setTimeout> | undefined;
  /** Time of the next connection with a rate limit. */
  #nextStart = 0;
  /** Connections started in this iteration of the event loop. */
  #begun = 0;

  /** Creates a prober without any ports. */
  constructor(pace: ProbePace, rate: number, dials: Dials, onProbe: OnProbe) {
    this.#pace = pace;
    this.#rate = rate;
    this.#dials = dials;
    this.#onProbe = onProbe;
  }

  /** Adds ports to probe. */
  push(chunk: ProbeChunk): void {
    this.#chunks.push(chunk);
    this.#queued += chunk.ports.length;
    this.#start();
  }

  /** Cancels all probes. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#sweeper);
    clearTimeout(this.#starter);
    for (const { cancel } of this.#pending) cancel();
    this.#pending.clear();
  }

  /** Starts the probes that the limits allow now. */
  #start(): void {
    while (!this.#stopped && this.#starter === undefined && this.#running + 1 <= this.#pace.limit) {
      const wait = this.#timeToStart();
      if (wait !== undefined) {
        this.#starter = setTimeout(() => {
          this.#starter = undefined;
          this.#begun = 0;
          this.#start();
        }, wait);
        return;
      }
      const job = this.#nextJob();
      if (job === undefined) return;
      this.#probe(job);
    }
  }

  /** Returns the time until one more connection may start; undefined if it may start now. */
  #timeToStart(): number | undefined {
    if (this.#rate > 0) {
      const now = performance.now();
      if (this.#nextStart > now + 1) return this.#nextStart - now;
      this.#nextStart = Math.max(this.#nextStart, now) + 1000 / this.#rate;
    } else if (this.#running >= SocketProber.#CALM) {
      if (this.#begun === SocketProber.#BURST) return 0;
      this.#begun++;
    }
    return undefined;
  }

  #nextJob(): Job | undefined {
    if (this.#soon.length > 0) return this.#soon.pop();
    const chunk = this.#chunks[0];
    if (chunk === undefined) return this.#again.pop();
    const port = chunk.ports[this.#at++]!;
    this.#queued--;
    if (this.#at === chunk.ports.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
    return {
      chunk: chunk.id,
      address: chunk.address,
      port,
      tries: 0,
      patience: SocketProber.#PATIENCE,
      seen: false,
    };
  }

  #probe(job: Job): void {
    this.#running++;
    const { address, port } = job;
    const dial = address.includes("%") ? this.#dials.zoned : this.#dials.plain;
    const entry: Pending = { job, started: performance.now(), cancel: () => {} };
    this.#pending.add(entry);
    this.#startSweeper(job);
    entry.cancel = dial(address, port, (code, own, far) => {
      this.#pending.delete(entry);
      const ms = performance.now() - entry.started;
      if (code === "") this.#connected(job, ms, own, far);
      else if (!this.#failed(job, ms, code)) return;
      this.#ended();
    });
  }

  #ended(): void {
    this.#running--;
    this.#start();
  }

  #startSweeper({ address, tries }: Job): void {
    if (this.#sweeper !== undefined) return;
    const wanted = this.#pace.timeLimit(address, tries) / 10;
    const interval = Math.max(SocketProber.#LEAST_SWEEP, Math.min(SocketProber.#SWEEP, wanted));
    this.#sweptAt = performance.now();
    this.#sweeper = setInterval(() => this.#sweep(interval), interval);
  }

  #connected(job: Job, ms: number, own: DialEnd, far: DialEnd): void {
    const { chunk, port } = job;
    this.#answered(job, ms);
    // On the local machine, a scan can connect to itself: from a port to the same port, or by two
    // crossing connections (RFC 9293 section 3.5). A second attempt shows that the port is closed.
    const here = own.address === far.address;
    if (here && own.port === far.port) this.#onProbe(chunk, port, 1, ms, "ESELF");
    else if (here && !job.seen) this.#lookAgain(job);
    else this.#onProbe(chunk, port, 0, ms, "");
  }

  #lookAgain(job: Job): void {
    job.seen = true;
    this.#soon.push(job);
  }

  /** Handles a failed attempt. Returns false if it counts as running for some time. */
  #failed(job: Job, ms: number, code: string): boolean {
    const { chunk, port } = job;
    if (code === "ECONNREFUSED" || code === "ECONNABORTED") {
      this.#answered(job, ms);
      this.#onProbe(chunk, port, 1, ms, code);
    } else if (SocketProber.#BROKEN.test(code)) {
      this.#answered(job, ms);
      // This may have been a connection of the scan to itself, as above.
      if (job.seen) this.#onProbe(chunk, port, 0, ms, code);
      else this.#lookAgain(job);
    } else if (SocketProber.#FILTERED.test(code)) this.#silent(job, ms, code);
    else if (code === "ENOTCAPABLE") this.#onProbe(chunk, port, 3, ms, code);
    else return this.#failedHere(job, ms, code);
    return true;
  }

  #silent(job: Job, ms: number, code: string): void {
    const again = this.#pace.silent(job.address, ++job.tries);
    if (again) this.#again.push(job);
    else this.#onProbe(job.chunk, job.port, 2, ms, code);
  }

  /** Handles a local failure, such as a lack of file descriptors. */
  #failedHere(job: Job, ms: number, code: string): boolean {
    const scarce = SocketProber.#SCARCE.test(code);
    const reason = `${code} ${job.address}`;
    if (job.patience-- === 0 || this.#hopeless.has(reason)) {
      if (!scarce && this.#hopeless.size < SocketProber.#REMEMBERED) this.#hopeless.add(reason);
      this.#onProbe(job.chunk, job.port, 3, ms, code);
      return true;
    }
    this.#ease(scarce);
    setTimeout(() => {
      this.#soon.push(job);
      this.#ended();
    }, SocketProber.#PAUSE);
    return false;
  }

  #answered({ address, tries }: Job, ms: number): void {
    this.#pace.answered(address, ms, tries, performance.now());
  }

  /** Cancels the probes whose time limit has passed. */
  #sweep(interval: number): void {
    const now = performance.now();
    const delayed = now - this.#sweptAt > 4 * interval;
    this.#sweptAt = now;
    // After a blocked event loop, answers may have arrived that it has not handled yet.
    this.#skipped = delayed && !this.#skipped;
    if (this.#skipped) return;
    // New limits also apply to running probes.
    for (const entry of this.#pending) {
      const { job, started, cancel } = entry;
      if (started + this.#pace.timeLimit(job.address, job.tries) > now) continue;
      this.#pending.delete(entry);
      cancel();
      this.#silent(job, now - started, "ETIMEDOUT");
      this.#running--;
    }
    this.#start();
    if (this.#pending.size === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }

  /**
   * Reduces the number of connections at once. If a resource is scarce, many probes fail at the same
   * moment, so it happens only once per pause.
   */
  #ease(scarce: boolean): void {
    const now = performance.now();
    if (now - this.#easedAt < SocketProber.#PAUSE) return;
    this.#easedAt = now;
    this.#pace.ease(this.#running, scarce);
  }
}
