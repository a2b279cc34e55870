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
  /** Number of answers, and of those that came after a repetition only. */
  answers: number;
  late: number;
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
  static readonly #UNKNOWN = 2000;
  static readonly #LONGEST = 6000;
  /** Number of attempts without loss; with few silent ports one more costs no time. */
  static readonly #TRIES = 2;
  static readonly #FEW = 200;
  /** Most attempts, and the accepted probability that an open port is missed. */
  static readonly #MOST_TRIES = 5;
  static readonly #MISSED = 0.001;
  /** Number of connections below which losses do not reduce it. */
  static readonly #FLOOR = 50;
  /** Number of events that allow one more connection after a loss. */
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
    this.#grow();
    if (host.smooth === 0) {
      host.smooth = ms;
      host.vary = ms / 2;
      return;
    }
    host.vary += (Math.abs(host.smooth - ms) - host.vary) / 4;
    host.smooth += (ms - host.smooth) / 8;
  }

  /**
   * Notes an attempt without an answer. Returns whether to try again.
   *
   * @param tries The number of attempts so far.
   * @param silent The number of ports that do not answer.
   */
  silent(address: string, tries: number, silent: number): boolean {
    this.#grow();
    return tries <= (this.#settings.retries ?? this.#triesFor(address, silent) - 1);
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
  #triesFor(address: string, silent: number): number {
    const host = this.#hosts.get(address);
    const least = Pace.#TRIES + (silent <= Pace.#FEW ? 1 : 0);
    if (host === undefined || host.answers === 0) return Pace.#TRIES;
    if (host.late === 0) return least;
    const loss = host.late / (host.answers + 1);
    // Each attempt sends two SYNs.
    const tries = Math.ceil(Math.log(Pace.#MISSED / silent) / (2 * Math.log(loss)));
    return Math.min(Pace.#MOST_TRIES, Math.max(least, tries));
  }

  #hostOf(address: string): Host {
    let host = this.#hosts.get(address);
    if (host === undefined) {
      if (this.#hosts.size >= Pace.#HOSTS) {
        this.#hosts.delete(this.#hosts.keys().next().value!);
      }
      this.#hosts.set(address, host = { smooth: 0, vary: 0, answers: 0, late: 0 });
    }
    return host;
  }

  /** Additive increase: one more per event, and later one per several. */
  #grow(): void {
    const step = this.#reduced ? 1 / Pace.#SLOW : 1;
    this.limit = Math.min(this.#most, this.limit + step);
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
