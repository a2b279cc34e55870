/** The sessions that transfer the files of a tree at the same time. */

import { NetError } from "../errors/errors.ts";
import type { FtpClient } from "./client.ts";

/** Spreads work over several sessions. */
export class TreeCrew implements AsyncDisposable {
  /** The session of the caller. It lists, and transfers files only while all others are busy. */
  readonly first: FtpClient;
  /** Aborts when the caller does, or when a piece of work has failed. */
  readonly signal: AbortSignal;
  readonly #stop = new AbortController();
  /** The number of sessions to use. It becomes smaller if the server refuses more. */
  #most: number;
  readonly #others: FtpClient[] = [];
  readonly #idle: FtpClient[];
  readonly #waiting: ((ftp: FtpClient) => void)[] = [];
  readonly #running = new Set<Promise<void>>();
  #opening = 0;

  /**
   * Begins with one session.
   *
   * @param first The session of the caller.
   * @param most The maximum number of sessions.
   * @param signal The signal of the caller.
   */
  constructor(first: FtpClient, most: number, signal: AbortSignal | undefined) {
    this.first = first;
    this.#most = most;
    this.signal = signal === undefined
      ? this.#stop.signal
      : AbortSignal.any([this.#stop.signal, signal]);
    this.#idle = [first];
  }

  /**
   * Runs work on the next free session. It waits while as much work is running as there are sessions.
   *
   * @throws The error of earlier work.
   */
  async add(work: (ftp: FtpClient) => Promise<void>): Promise<void> {
    this.#stop.signal.throwIfAborted();
    if (this.#most === 1) return await work(this.first);
    while (this.#running.size >= this.#most) await Promise.race(this.#running);
    this.#stop.signal.throwIfAborted();
    const running: Promise<void> = this.#run(work)
      .catch((error) => this.#stop.abort(error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /**
   * Waits for all work.
   *
   * @throws The error of the first work that has failed.
   */
  async end(): Promise<void> {
    await Promise.all(this.#running);
    this.#stop.signal.throwIfAborted();
  }

  /** Stops the work that is running, and closes all sessions except that of the caller. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    await Promise.all(this.#others.map((ftp) => ftp.close()));
  }

  async #run(work: (ftp: FtpClient) => Promise<void>): Promise<void> {
    const ftp = await this.#take();
    try {
      await work(ftp);
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next(ftp);
      // The session of the caller stays at the front, to be taken last.
      else if (ftp === this.first) this.#idle.unshift(ftp);
      else this.#idle.push(ftp);
    }
  }

  async #take(): Promise<FtpClient> {
    const canOpen = this.#others.length + this.#opening + 1 < this.#most;
    const isFirst = this.#idle.length === 1 && this.#idle[0] === this.first;
    if (canOpen && (this.#idle.length === 0 || isFirst)) {
      const other = await this.#open();
      if (other !== undefined) return other;
    }
    return this.#idle.pop() ?? await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Opens one more session; undefined if that fails. The work is then done by fewer sessions. */
  async #open(): Promise<FtpClient | undefined> {
    this.#opening++;
    try {
      const other = await this.first.duplicate();
      this.#others.push(other);
      return other;
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      this.#most = this.#others.length + 1;
      return undefined;
    } finally {
      this.#opening--;
    }
  }
}
