/** The result of one probe: 0 open, 1 closed, 2 filtered, 3 error. */
export type ProbeState = 0 | 1 | 2 | 3;

/** Limits of a prober. */
export interface ProbeSettings {
  /** Connections at once. */
  readonly concurrency: number;
  /** Time limit of a connection, in milliseconds. */
  readonly timeout: number;
  /** Further attempts without an answer. */
  readonly retries: number;
  /** Whether the time limit adapts to the round-trip times. */
  readonly adaptive: boolean;
  /** Most probes per second; 0 lifts the limit. */
  readonly rate: number;
}

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
  readonly controller: AbortController;
}

/**
 * A prober that uses the sockets of Deno.
 *
 * The class must not use anything else from this or another module. A Worker is created from its
 * source text, because a Worker from a file needs a permission to read it.
 */
export class SocketProber implements Prober {
  /** Shortest adaptive time limit. A shorter one would take a busy host for a filtered one. */
  static readonly #LEAST = 100;
  /** Number of attempts after local failures, and the pause between them in milliseconds. */
  static readonly #PATIENCE = 12;
  static readonly #PAUSE = 20;
  /**
   * Most connections to start in one iteration of the event loop while many are pending. Deno handles
   * 128 events per iteration (the budget of tokio). If all of them are new connections, older ones
   * starve until they seem filtered.
   */
  static readonly #BURST = 64;
  /** Number of connections below which none starves. */
  static readonly #CALM = 100;
  /** Most addresses with remembered round-trip times or errors. */
  static readonly #REMEMBERED = 1000;
  static readonly #SCARCE = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EAGAIN|EADDRNOTAVAIL)$/;
  static readonly #CLOSED = /^(ECONNREFUSED|ECONNABORTED)$/;
  /** A closed port refuses. A reset means that the port was open and the server closed at once. */
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
  /** Addresses with a local failure that all ports share, and the reason. */
  readonly #hopeless = new Set<string>();
  /** The index of the next port of the first chunk. */
  #at = 0;
  /** Number of ports that have not been probed yet. */
  #queued = 0;
  #running = 0;
  #easedAt = -Infinity;
  #limit: number;
  /** Upper bound of the limit, which grows with each answer. */
  #most: number;
  #stopped = false;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #pacer: ReturnType<typeof setTimeout> | undefined;
  #nextStart = 0;
  /** Connections started in this iteration of the event loop. */
  #begun = 0;
  #turn: Promise<void> | undefined;
  #turner: ReturnType<typeof setTimeout> | undefined;

  /** Creates a prober without any ports. */
  constructor(settings: ProbeSettings, onProbe: OnProbe) {
    this.#settings = settings;
    this.#onProbe = onProbe;
    this.#limit = settings.concurrency;
    this.#most = settings.adaptive ? 5 * this.#limit : this.#limit;
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

  /** Probes one port after the other. Several calls run at the same time. */
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

  /** Waits until this iteration of the event loop may start one more connection. */
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

  /** Starts the probes that the rate limit allows. */
  #pace(): void {
    this.#pacer = undefined;
    const now = performance.now();
    this.#nextStart = Math.max(this.#nextStart, now);
    while (!this.#stopped && this.#nextStart <= now + 1) {
      const job = this.#running < this.#limit ? this.#nextJob() : undefined;
      if (job === undefined) return; // #once() or push() calls again.
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
    // Deno calls this after it has connected, and would leak the open connection if it throws.
    controller.signal.throwIfAborted = () => {};
    return controller;
  }

  #connected(job: Job, ms: number, own: Deno.NetAddr, far: Deno.NetAddr): void {
    const { chunk, address, port } = job;
    this.#learn(address, ms);
    // On the local machine, a scan can connect to itself: from a port to the same port, or by two
    // crossing connections (RFC 9293 section 3.5). A second attempt shows that the port is closed.
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
      // This may have been a connection of the scan to itself, as above.
      if (job.seen) this.#onProbe(chunk, port, 0, ms, code);
      else this.#lookAgain(job);
    } else if (aborted || SocketProber.#FILTERED.test(code)) {
      if (this.#stopped) return;
      if (job.tries++ < this.#settings.retries) this.#again.push(job);
      else this.#onProbe(chunk, port, 2, ms, aborted ? "ETIMEDOUT" : code);
    } else if (name === "NotCapable") this.#onProbe(chunk, port, 3, ms, "ENOTCAPABLE");
    else await this.#failedHere(job, ms, code, code || name);
  }

  /** Handles a local failure, such as a lack of file descriptors. */
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

  /** Cancels the probes whose time limit has passed. */
  #sweep(): void {
    const now = performance.now();
    // New adaptive limits also apply to running probes.
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

  /** Updates the smoothed round-trip time and its variation (RFC 6298 section 2). */
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
   * Halves the number of connections at once. If a resource is scarce, many probes fail at the same
   * moment, so it happens only once per pause.
   */
  #ease(scarce: boolean): void {
    const now = performance.now();
    if (now - this.#easedAt < SocketProber.#PAUSE) return;
    this.#easedAt = now;
    if (scarce) this.#most = Math.max(1, Math.min(this.#most, this.#running * 3 >> 2));
    this.#limit = Math.max(1, Math.min(this.#limit, this.#running) >> 1);
  }
}
