/**
 * Speed of a scan: connections at once, time limits and attempts, by what the hosts answer.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Limits of a scan. Those that are not given adapt to the network. */
export interface PaceSettings {
  /** Connections at once. */
  readonly concurrency?: number | undefined;
  /** Time limit of a connection, in milliseconds. */
  readonly timeout?: number | undefined;
  /** Further attempts without an answer. */
  readonly retries?: number | undefined;
  /** First and largest number of connections at once if it adapts. */
  readonly start: number;
  readonly most: number;
}

/** The answers of one host. */
interface Host {
  /** The smoothed round-trip time and its variation in milliseconds (RFC 6298); 0 before the first. */
  smooth: number;
  vary: number;
  /** The fastest answer in milliseconds. */
  fastest: number;
  /** Number of answers, and of those that came after a repetition only. */
  answers: number;
  late: number;
  /** Number of ports that did not answer the first attempt. */
  silent: number;
}

/**
 * Decides how many connections a scan opens at once, how long it waits, and how often it tries. The
 * class has no clock and does no I/O.
 *
 * The class must not use anything else from this or another module. A Worker is created from its
 * source text, because a Worker from a file needs a permission to read it.
 */
export class Pace {
  /** The kernel repeats a SYN after one second (RFC 6298 section 2). Answers to it arrive later. */
  static readonly #SYN = 1000;
  /** The fastest answer that counts as one to a repetition. */
  static readonly #LATE = 950;
  /** Least time for the answer to a repetition. */
  static readonly #LEAST = 150;
  /** Time limit for a host that has not answered yet, and the longest one. */
  static readonly #UNKNOWN = 1500;
  static readonly #LONGEST = 6000;
  /** Number of attempts without loss; with few silent ports one more costs no time. */
  static readonly #TRIES = 2;
  static readonly #FEW = 200;
  /** Most attempts, and the accepted probability that an open port is missed. */
  static readonly #MOST_TRIES = 5;
  static readonly #MISSED = 0.001;
  /** Number of connections below which losses do not reduce it. */
  static readonly #FLOOR = 50;
  /** More connections at once after an answer, and after a silent attempt, which uses no line. */
  static readonly #ANSWER = 1;
  static readonly #SILENCE = 2;
  /**
   * Answers that are slower than the fastest one by this factor, plus this time in milliseconds, have
   * waited in a queue, in the network or here. More connections would not make the scan faster.
   */
  static readonly #QUEUED = 4;
  static readonly #BUSY = 5;
  /** Divisor of these after a loss. */
  static readonly #SLOW = 8;
  /** Most hosts that are remembered. */
  static readonly #HOSTS = 1000;

  /** Connections at once. */
  limit: number;
  readonly #settings: PaceSettings;
  readonly #hosts = new Map<string, Host>();
  /** Upper bound of the limit. */
  #most: number;
  /** Whether the limit has been reduced. It grows slowly from then on. */
  #reduced = false;
  #reducedAt = -Infinity;
  /** Answers, and late ones, since the last reduction. */
  #answers = 0;
  #late = 0;

  constructor(settings: PaceSettings) {
    this.#settings = settings;
    this.limit = settings.concurrency ?? settings.start;
    this.#most = settings.concurrency ?? settings.most;
  }

  /** Notes an answer of a host. */
  answered(address: string, ms: number, tries: number, now: number): void {
    const host = this.#hostOf(address);
    host.answers++;
    this.#answers++;
    if (tries > 0 || ms >= Pace.#LATE) {
      host.late++;
      this.#late++;
      return this.#lost(now);
    }
    host.fastest = Math.min(host.fastest, ms);
    if (ms <= Pace.#QUEUED * host.fastest + Pace.#BUSY) this.#grow(Pace.#ANSWER);
    if (host.smooth === 0) {
      host.smooth = ms;
      host.vary = ms / 2;
      return;
    }
    host.vary += (Math.abs(host.smooth - ms) - host.vary) / 4;
    host.smooth += (ms - host.smooth) / 8;
  }

  /** Returns whether to try again after `tries` attempts without an answer. */
  silent(address: string, tries: number): boolean {
    this.#grow(Pace.#SILENCE);
    const host = this.#hostOf(address);
    if (tries === 1) host.silent++;
    return tries <= (this.#settings.retries ?? this.#triesFor(host) - 1);
  }

  /** Returns the time limit of an attempt, in milliseconds. */
  timeLimit(address: string, tries: number): number {
    const { timeout } = this.#settings;
    if (timeout !== undefined) return timeout;
    const host = this.#hosts.get(address);
    if (host === undefined || host.smooth === 0) return Pace.#UNKNOWN;
    const trip = Math.max(Pace.#LEAST, host.smooth + 4 * host.vary);
    return Math.min(Pace.#LONGEST, Pace.#SYN + trip * 2 ** tries);
  }

  /**
   * Halves the limit after a local failure.
   *
   * @param running The number of open connections.
   * @param scarce Whether a resource such as file descriptors is used up; then this is the most.
   */
  ease(running: number, scarce: boolean): void {
    if (scarce) this.#most = Math.max(1, Math.min(this.#most, running * 3 >> 2));
    this.limit = Math.max(1, Math.min(this.limit, running) >> 1);
  }

  /** Returns the number of attempts after which an open port is missed with a tiny probability. */
  #triesFor({ answers, late, silent }: Host): number {
    if (answers === 0) return Pace.#TRIES;
    const least = silent <= Pace.#FEW ? Pace.#TRIES + 1 : Pace.#TRIES;
    if (late === 0) return least;
    // Each attempt sends two SYNs.
    const once = 2 * Math.log(late / (answers + 1));
    const tries = Math.ceil(Math.log(Pace.#MISSED / silent) / once);
    return Math.min(Pace.#MOST_TRIES, Math.max(least, tries));
  }

  #hostOf(address: string): Host {
    let host = this.#hosts.get(address);
    if (host === undefined) {
      if (this.#hosts.size >= Pace.#HOSTS) {
        this.#hosts.delete(this.#hosts.keys().next().value!);
      }
      this.#hosts.set(
        address,
        host = { smooth: 0, vary: 0, fastest: Infinity, answers: 0, late: 0, silent: 0 },
      );
    }
    return host;
  }

  /** Additive increase, which is slow after a loss. */
  #grow(step: number): void {
    this.limit = Math.min(this.#most, this.limit + (this.#reduced ? step / Pace.#SLOW : step));
  }

  /** Multiplicative decrease by the share of the lost packets, once per repetition of the kernel. */
  #lost(now: number): void {
    if (this.#settings.concurrency !== undefined || now - this.#reducedAt < Pace.#SYN) return;
    const share = Math.min(0.5, 2 * this.#late / this.#answers);
    const floor = Math.min(Pace.#FLOOR, this.limit);
    this.limit = Math.max(floor, this.limit * (1 - share));
    this.#reduced = true;
    this.#reducedAt = now;
    this.#answers = this.#late = 0;
  }
}
