/** The part of the scanner that connects, on the main thread and in Workers. */

/** What one probe found: 0 open, 1 closed, 2 filtered, 3 error. */
export type ProbeState = 0 | 1 | 2 | 3;

/** Limits of a prober. */
export interface ProbeSettings {
  /** Connections at once. */
  readonly concurrency: number;
  /** How long one may take, in milliseconds. */
  readonly timeout: number;
  /** How often one without an answer is tried again. */
  readonly retries: number;
  /** Whether the time limit follows the round trips seen. */
  readonly adaptive: boolean;
  /** Probes a second; 0 for any number. */
  readonly rate: number;
}

/** Ports of one host. */
export interface ProbeChunk {
  readonly id: number;
  readonly address: string;
  readonly ports: Uint16Array;
}

/** Called for each port: which chunk, which port, what, in how many milliseconds, and why. */
export type OnProbe = (
  chunk: number,
  port: number,
  state: ProbeState,
  ms: number,
  code: string,
) => void;

/** Connects to what it is given. */
export interface Prober {
  /** Takes more. */
  push(chunk: ProbeChunk): void;
  /** Gives up what is under way. */
  stop(): void;
}

interface Job {
  readonly chunk: number;
  readonly address: string;
  readonly port: number;
  /** How often it got no answer. */
  tries: number;
  /** How often it may still fail for reasons of this side. */
  patience: number;
  /** Whether this is the second look at a connection that this side may have made to itself. */
  seen: boolean;
}

interface Pending {
  readonly job: Job;
  readonly started: number;
  readonly controller: AbortController;
}

/**
 * Connects with the sockets of Deno. The class uses nothing else from this module or from another
 * one, because Workers are given its text: they would need a permission to read a file.
 */
export class SocketProber implements Prober {
  /** The shortest time limit that is learned: a shorter one mistakes a busy host for a silent one. */
  static readonly #LEAST = 100;
  /** How often a probe that failed for reasons of this side is tried again, and after how long. */
  static readonly #PATIENCE = 12;
  static readonly #PAUSE = 20;
  /**
   * Connections that may begin in one turn of the event loop where many are under way. Deno stops
   * looking after 128 steps (the budget of tokio): where all of them are new connections, those
   * that were begun before starve until they seem filtered.
   */
  static readonly #BURST = 64;
  /** Below this number of connections nothing starves. */
  static readonly #CALM = 100;
  /** The most addresses that something is remembered of. */
  static readonly #REMEMBERED = 1000;
  static readonly #SCARCE = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EAGAIN|EADDRNOTAVAIL)$/;
  static readonly #CLOSED = /^(ECONNREFUSED|ECONNABORTED)$/;
  /** A closed port refuses. A connection that is reset was open, and was broken off right away. */
  static readonly #BROKEN = /^(ECONNRESET|ENOTCONN)$/;
  static readonly #FILTERED = /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|ENETDOWN)$/;

  readonly #settings: ProbeSettings;
  readonly #onProbe: OnProbe;
  readonly #chunks: ProbeChunk[] = [];
  readonly #again: Job[] = [];
  readonly #soon: Job[] = [];
  readonly #pending = new Set<Pending>();
  readonly #unused: AbortController[] = [];
  readonly #trips = new Map<string, { smooth: number; vary: number }>();
  /** Addresses that this side cannot reach, with the reason. One port finds out for all. */
  readonly #hopeless = new Set<string>();
  /** The index of the next port of the first chunk. */
  #at = 0;
  /** Ports in chunks that were not begun. */
  #queued = 0;
  #running = 0;
  #easedAt = -Infinity;
  #limit: number;
  /** The limit grows up to this with the answers. Waiting for silent ports costs nothing. */
  #most: number;
  #stopped = false;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #pacer: ReturnType<typeof setTimeout> | undefined;
  #nextStart = 0;
  /** Connections begun in this turn of the event loop. */
  #begun = 0;
  #turn: Promise<void> | undefined;
  #turner: ReturnType<typeof setTimeout> | undefined;

  constructor(settings: ProbeSettings, onProbe: OnProbe) {
    this.#settings = settings;
    this.#onProbe = onProbe;
    this.#limit = settings.concurrency;
    this.#most = settings.adaptive ? 5 * this.#limit : this.#limit;
  }

  push(chunk: ProbeChunk): void {
    this.#chunks.push(chunk);
    this.#queued += chunk.ports.length;
    this.#start();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#sweeper);
    clearTimeout(this.#pacer);
    clearTimeout(this.#turner);
    for (const { controller } of this.#pending) controller.abort();
  }

  #start(): void {
    if (this.#settings.rate > 0) {
      if (this.#pacer === undefined) this.#pace();
      return;
    }
    const waiting = this.#again.length + this.#soon.length + this.#queued;
    for (let more = Math.min(this.#limit - this.#running, waiting); more > 0; more--) {
      void this.#work();
    }
  }

  /** Probes one port after the other. Several calls of it run at the same time. */
  async #work(): Promise<void> {
    this.#running++;
    while (!this.#stopped && this.#running <= this.#limit) {
      const job = this.#nextJob();
      if (job === undefined) break;
      if (this.#running > SocketProber.#CALM) {
        await this.#wait();
        this.#begun++;
      }
      await this.#probe(job);
    }
    this.#running--;
    if (!this.#stopped) this.#start();
  }

  /** Waits until this turn of the event loop may begin one more connection. */
  async #wait(): Promise<void> {
    while (this.#begun >= SocketProber.#BURST) {
      this.#turn ??= new Promise((resolve) => {
        this.#turner = setTimeout(() => {
          this.#begun = 0;
          this.#turn = undefined;
          resolve();
        }, 0);
      });
      await this.#turn;
    }
  }

  /** Begins the probes that the rate allows by now. */
  #pace(): void {
    this.#pacer = undefined;
    const now = performance.now();
    this.#nextStart = Math.max(this.#nextStart, now);
    while (!this.#stopped && this.#nextStart <= now + 1) {
      const job = this.#running < this.#limit ? this.#nextJob() : undefined;
      if (job === undefined) return; // The end of a probe, or more ports, call again.
      this.#nextStart += 1000 / this.#settings.rate;
      void this.#once(job);
    }
    if (!this.#stopped) this.#pacer = setTimeout(() => this.#pace(), this.#nextStart - now);
  }

  async #once(job: Job): Promise<void> {
    this.#running++;
    await this.#probe(job);
    this.#running--;
    if (this.#pacer === undefined) this.#pace();
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

  async #probe(job: Job): Promise<void> {
    const controller = this.#unused.pop() ?? this.#makeController();
    const started = performance.now();
    const entry = { job, started, controller };
    this.#pending.add(entry);
    const interval = Math.max(5, Math.min(50, this.#settings.timeout / 10));
    this.#sweeper ??= setInterval(() => this.#sweep(), interval);
    try {
      const conn = await Deno.connect({
        hostname: job.address,
        port: job.port,
        signal: controller.signal,
      });
      const ms = performance.now() - started;
      const { localAddr, remoteAddr } = conn;
      conn.close();
      this.#connected(job, ms, localAddr, remoteAddr);
    } catch (error) {
      const { code = "", name } = error as { code?: string; name: string };
      await this.#failed(job, performance.now() - started, controller.signal.aborted, code, name);
    } finally {
      this.#pending.delete(entry);
      if (!controller.signal.aborted) this.#unused.push(controller);
    }
  }

  #makeController(): AbortController {
    const controller = new AbortController();
    // Deno asks once more when it has connected, and then drops the open connection.
    controller.signal.throwIfAborted = () => {};
    return controller;
  }

  #connected(job: Job, ms: number, own: Deno.NetAddr, far: Deno.NetAddr): void {
    const { chunk, address, port } = job;
    this.#learn(address, ms);
    // On its own machine a scan can meet itself: a connection from a port to itself, or two that
    // cross (RFC 9293, section 3.5). Nobody listens there, as a second look shows.
    const here = own.hostname === far.hostname;
    if (here && own.port === far.port) this.#onProbe(chunk, port, 1, ms, "ESELF");
    else if (here && !job.seen) this.#lookAgain(job);
    else this.#onProbe(chunk, port, 0, ms, "");
  }

  #lookAgain(job: Job): void {
    job.seen = true;
    this.#soon.push(job);
  }

  async #failed(
    job: Job,
    ms: number,
    aborted: boolean,
    code: string,
    name: string,
  ): Promise<void> {
    const { chunk, address, port } = job;
    if (SocketProber.#CLOSED.test(code)) {
      this.#learn(address, ms);
      this.#onProbe(chunk, port, 1, ms, code);
    } else if (SocketProber.#BROKEN.test(code)) {
      this.#learn(address, ms);
      // It may have been a connection of this scan that crossed another, as above.
      if (job.seen) this.#onProbe(chunk, port, 0, ms, code);
      else this.#lookAgain(job);
    } else if (aborted || SocketProber.#FILTERED.test(code)) {
      if (this.#stopped) return;
      if (job.tries++ < this.#settings.retries) this.#again.push(job);
      else this.#onProbe(chunk, port, 2, ms, aborted ? "ETIMEDOUT" : code);
    } else if (name === "NotCapable") this.#onProbe(chunk, port, 3, ms, "ENOTCAPABLE");
    else await this.#failedHere(job, ms, code, code || name);
  }

  /** Handles a failure for a reason of this side, such as a lack of descriptors. */
  async #failedHere(job: Job, ms: number, code: string, shown: string): Promise<void> {
    const scarce = SocketProber.#SCARCE.test(code);
    const reason = `${shown} ${job.address}`;
    if (job.patience-- === 0 || this.#hopeless.has(reason)) {
      if (!scarce && this.#hopeless.size < SocketProber.#REMEMBERED) this.#hopeless.add(reason);
      return this.#onProbe(job.chunk, job.port, 3, ms, shown);
    }
    this.#ease(scarce);
    await new Promise((resolve) => setTimeout(resolve, SocketProber.#PAUSE));
    this.#soon.push(job);
  }

  /** Gives up the probes whose time is over. */
  #sweep(): void {
    const now = performance.now();
    // The limits that have been learned in the meantime hold for the running probes, too.
    for (const { job, started, controller } of this.#pending) {
      if (started + this.#limitOf(job) <= now) controller.abort();
    }
    if (this.#pending.size === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }

  #limitOf({ address, tries }: Job): number {
    const { timeout } = this.#settings;
    const trip = this.#trips.get(address);
    if (trip === undefined) return timeout;
    const learned = Math.max(SocketProber.#LEAST, trip.smooth + 4 * trip.vary);
    return Math.min(timeout, learned * 2 ** tries);
  }

  /** Learns from an answer. RFC 6298 §2: the smoothed round trip, and its variation. */
  #learn(address: string, ms: number): void {
    this.#grow();
    if (!this.#settings.adaptive) return;
    const trip = this.#trips.get(address);
    if (trip === undefined) {
      if (this.#trips.size > SocketProber.#REMEMBERED) this.#trips.clear();
      this.#trips.set(address, { smooth: ms, vary: ms / 2 });
      return;
    }
    trip.vary += (Math.abs(trip.smooth - ms) - trip.vary) / 4;
    trip.smooth += (ms - trip.smooth) / 8;
  }

  /** Allows one more connection at once, because a host has answered. */
  #grow(): void {
    if (this.#limit >= this.#most) return;
    this.#limit++;
    if (this.#settings.rate === 0) void this.#work();
  }

  /**
   * Halves the number of connections at once. A scarce resource fails for many probes in the same
   * moment, which counts once.
   */
  #ease(scarce: boolean): void {
    const now = performance.now();
    if (now - this.#easedAt < SocketProber.#PAUSE) return;
    this.#easedAt = now;
    if (scarce) this.#most = Math.max(1, Math.min(this.#most, this.#running * 3 >> 2));
    this.#limit = Math.max(1, Math.min(this.#limit, this.#running) >> 1);
  }
}
