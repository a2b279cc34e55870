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

/**
 * Makes a prober. It stands on nothing but Deno, for Workers get its text: a file would need a
 * permission to be read.
 */
export function makeProber(settings: ProbeSettings, onProbe: OnProbe): Prober {
  const { timeout, retries, adaptive, rate } = settings;
  /** The least time limit that is learned: shorter ones gain nothing and mistake a busy host. */
  const LEAST = 100;
  /** How often a probe that failed for reasons of this side is tried again, and after how long. */
  const PATIENCE = 12;
  const PAUSE = 20;
  /**
   * Connections that may begin in one turn of the event loop where many are under way. Deno stops
   * looking after 128 steps (the budget of tokio): where all of them are new connections, those
   * that were begun before starve until they seem filtered.
   */
  const BURST = 64;
  /** Below this nothing starves. */
  const CALM = 100;
  const SCARCE = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EAGAIN|EADDRNOTAVAIL)$/;
  const CLOSED = /^(ECONNREFUSED|ECONNABORTED)$/;
  /** A port that is closed refuses: what resets was connected, and broken off right away. */
  const BROKEN = /^(ECONNRESET|ENOTCONN)$/;
  const FILTERED = /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|ENETDOWN)$/;
  interface Job {
    readonly chunk: number;
    readonly address: string;
    readonly port: number;
    tries: number;
    patience: number;
    seen: boolean;
  }
  interface Pending {
    readonly job: Job;
    readonly started: number;
    readonly controller: AbortController;
  }
  const chunks: ProbeChunk[] = [];
  const again: Job[] = [];
  const soon: Job[] = [];
  const pending = new Set<Pending>();
  const unused: AbortController[] = [];
  const trips = new Map<string, { smooth: number; vary: number }>();
  /** Addresses that this side may not reach, with the reason: one port has found out for all. */
  const hopeless = new Set<string>();
  let at = 0;
  let queued = 0;
  let running = 0;
  let easedAt = -PAUSE;
  let limit = settings.concurrency;
  /** A host that answers may be asked more at once: waiting for the silent ones costs nothing. */
  let most = adaptive ? 5 * limit : limit;
  let stopped = false;
  let sweeper: ReturnType<typeof setInterval> | undefined;
  let pacer: ReturnType<typeof setTimeout> | undefined;
  let nextStart = 0;
  let begun = 0;
  let turn: Promise<void> | undefined;
  let turner: ReturnType<typeof setTimeout> | undefined;

  /** Waits until this turn may begin one more. */
  async function wait(): Promise<void> {
    while (begun >= BURST) {
      turn ??= new Promise((resolve) => {
        turner = setTimeout(() => {
          begun = 0;
          turn = undefined;
          resolve();
        }, 0);
      });
      await turn;
    }
  }

  function makeController(): AbortController {
    const controller = new AbortController();
    // Deno asks once more when it has connected, and then drops the open connection.
    controller.signal.throwIfAborted = () => {};
    return controller;
  }

  function sweep(): void {
    const now = performance.now();
    // What has been learned in the meantime counts for those under way too.
    for (const { job, started, controller } of pending) {
      if (started + limitOf(job) <= now) controller.abort();
    }
    if (pending.size === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
    }
  }

  function nextJob(): Job | undefined {
    if (soon.length > 0) return soon.pop();
    const chunk = chunks[0];
    if (chunk === undefined) return again.pop();
    const port = chunk.ports[at++]!;
    queued--;
    if (at === chunk.ports.length) {
      chunks.shift();
      at = 0;
    }
    return {
      chunk: chunk.id,
      address: chunk.address,
      port,
      tries: 0,
      patience: PATIENCE,
      seen: false,
    };
  }

  /** An answer: there may be one more at once. */
  function grow(): void {
    if (limit >= most) return;
    limit++;
    if (rate === 0) void work();
  }

  /** Half as many at once. What is scarce fails for many in the same moment, which counts once. */
  function ease(scarce: boolean): void {
    const now = performance.now();
    if (now - easedAt < PAUSE) return;
    easedAt = now;
    if (scarce) most = Math.max(1, Math.min(most, running * 3 >> 2));
    limit = Math.max(1, Math.min(limit, running) >> 1);
  }

  /** RFC 6298, section 2: the smoothed round trip and four times its variation. */
  function learn(address: string, ms: number): void {
    grow();
    if (!adaptive) return;
    const trip = trips.get(address);
    if (trip === undefined) {
      if (trips.size > 1000) trips.clear();
      trips.set(address, { smooth: ms, vary: ms / 2 });
      return;
    }
    trip.vary += (Math.abs(trip.smooth - ms) - trip.vary) / 4;
    trip.smooth += (ms - trip.smooth) / 8;
  }

  function limitOf({ address, tries }: Job): number {
    const trip = trips.get(address);
    if (trip === undefined) return timeout;
    const learned = Math.max(LEAST, trip.smooth + 4 * trip.vary);
    return Math.min(timeout, learned * 2 ** tries);
  }

  async function probe(job: Job): Promise<void> {
    const { chunk, address, port } = job;
    const controller = unused.pop() ?? makeController();
    const started = performance.now();
    const entry = { job, started, controller };
    pending.add(entry);
    sweeper ??= setInterval(sweep, Math.max(5, Math.min(50, timeout / 10)));
    try {
      const conn = await Deno.connect({ hostname: address, port, signal: controller.signal });
      const ms = performance.now() - started;
      const { localAddr: own, remoteAddr: far } = conn;
      conn.close();
      learn(address, ms);
      // On its own machine a scan can meet itself: a connection from a port to itself, or two that
      // cross (RFC 9293, section 3.5). Nobody listens there, as a second look shows.
      const here = own.hostname === far.hostname;
      if (here && own.port === far.port) onProbe(chunk, port, 1, ms, "ESELF");
      else if (here && !job.seen) {
        job.seen = true;
        soon.push(job);
      } else onProbe(chunk, port, 0, ms, "");
    } catch (error) {
      const ms = performance.now() - started;
      const { code = "", name } = error as { code?: string; name: string };
      if (CLOSED.test(code)) {
        learn(address, ms);
        onProbe(chunk, port, 1, ms, code);
      } else if (BROKEN.test(code)) {
        learn(address, ms);
        // It may have been one of our own that crossed, as above.
        if (job.seen) return onProbe(chunk, port, 0, ms, code);
        job.seen = true;
        soon.push(job);
      } else if (controller.signal.aborted || FILTERED.test(code)) {
        if (stopped) return;
        if (job.tries++ < retries) again.push(job);
        else onProbe(chunk, port, 2, ms, controller.signal.aborted ? "ETIMEDOUT" : code);
      } else if (name === "NotCapable") onProbe(chunk, port, 3, ms, "ENOTCAPABLE");
      else {
        const scarce = SCARCE.test(code);
        const reason = `${code || name} ${address}`;
        if (job.patience-- === 0 || hopeless.has(reason)) {
          if (!scarce && hopeless.size < 1000) hopeless.add(reason);
          return onProbe(chunk, port, 3, ms, code || name);
        }
        ease(scarce);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        soon.push(job);
      }
    } finally {
      pending.delete(entry);
      if (!controller.signal.aborted) unused.push(controller);
    }
  }

  /** One of those who probe at the same time. */
  async function work(): Promise<void> {
    running++;
    while (!stopped && running <= limit) {
      const job = nextJob();
      if (job === undefined) break;
      if (running > CALM) {
        await wait();
        begun++;
      }
      await probe(job);
    }
    running--;
    if (!stopped) start();
  }

  async function once(job: Job): Promise<void> {
    running++;
    await probe(job);
    running--;
    if (pacer === undefined) pace();
  }

  /** Begins what the rate allows by now. */
  function pace(): void {
    pacer = undefined;
    const now = performance.now();
    nextStart = Math.max(nextStart, now);
    while (!stopped && nextStart <= now + 1) {
      const job = running < limit ? nextJob() : undefined;
      if (job === undefined) return; // The end of a probe, or more ports, call again.
      nextStart += 1000 / rate;
      void once(job);
    }
    if (!stopped) pacer = setTimeout(pace, nextStart - now);
  }

  function start(): void {
    if (rate > 0) {
      if (pacer === undefined) pace();
      return;
    }
    const waiting = again.length + soon.length + queued;
    for (let more = Math.min(limit - running, waiting); more > 0; more--) void work();
  }

  return {
    push(chunk) {
      chunks.push(chunk);
      queued += chunk.ports.length;
      start();
    },
    stop() {
      stopped = true;
      clearInterval(sweeper);
      clearTimeout(pacer);
      clearTimeout(turner);
      for (const { controller } of pending) controller.abort();
    },
  };
}
