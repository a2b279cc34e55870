/** The sessions that transfer the files of a tree at the same time. */

import { NetError } from "../errors/errors.ts";
import type { FtpClient } from "./_client.ts";

/** The number of sessions that may be lost in a row, without a piece of work that ends well in between. */
const MAX_LOSSES = 10;
/** The number of sessions that one file may cost. */
const MAX_TRIES = 3;

/** Work on one file. */
export interface FileWork {
  /** Transfers the file. If the session is lost, another one does the work again. */
  run(ftp: FtpClient): Promise<void>;
  /** Takes the error if the session is lost each time. */
  giveUp(error: NetError): void;
}

/** The members of a crew. */
interface CrewOptions {
  /** The session of the caller. */
  readonly first: FtpClient;
  /** The maximum number of sessions; 0 if no other session can take the place of the first. */
  readonly most: number;
  /** The directory in which the other sessions begin. Without one, they stay where the login leads. */
  readonly home?: string | undefined;
  /** The signal of the caller. */
  readonly signal: AbortSignal | undefined;
}

/** Spreads work over several sessions, and replaces those that are lost. */
export class TreeCrew implements AsyncDisposable {
  /** Aborts when the caller does, or when a piece of work has failed. */
  readonly signal: AbortSignal;
  readonly #first: FtpClient;
  readonly #stop = new AbortController();
  /** The number of sessions to use. It becomes smaller if the server refuses more. */
  #most: number;
  /** The open sessions. The first of them lists, and transfers files only while all others are busy. */
  readonly #sessions: FtpClient[];
  readonly #canReplace: boolean;
  readonly #home: string | undefined;
  readonly #idle: FtpClient[];
  /** Wakes those who wait for a session. */
  readonly #waiting: (() => void)[] = [];
  readonly #running = new Set<Promise<void>>();
  #opening = 0;
  #losses = 0;
  #loss: NetError | undefined;

  /** Begins with one session. */
  constructor({ first, most, home, signal }: CrewOptions) {
    this.#first = first;
    this.#home = home;
    this.#most = Math.max(1, most);
    this.#canReplace = most > 0;
    this.signal = signal === undefined
      ? this.#stop.signal
      : AbortSignal.any([this.#stop.signal, signal]);
    this.#sessions = [first];
    this.#idle = [first];
  }

  /** Runs work on the session that lists. If that is lost, the work is done again on another one. */
  async lead<T>(work: (ftp: FtpClient) => Promise<T>): Promise<T> {
    for (;;) {
      const ftp = this.#sessions[0] ?? await this.#newFirst();
      try {
        return await work(ftp);
      } catch (error) {
        this.#drop(ftp, error);
      }
    }
  }

  /**
   * Runs work on the next free session. It waits while as much work is running as there are sessions.
   *
   * @throws The error of earlier work.
   */
  async add(work: FileWork): Promise<void> {
    this.#stop.signal.throwIfAborted();
    if (this.#most === 1) return await this.#run(work);
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
    const others = this.#sessions.filter((ftp) => ftp !== this.#first);
    await Promise.all(others.map((ftp) => ftp.close()));
  }

  async #run({ run, giveUp }: FileWork): Promise<void> {
    for (let tries = 1;; tries++) {
      const ftp = await this.#take();
      try {
        await run(ftp);
        this.#losses = 0;
        return;
      } catch (error) {
        const lost = this.#drop(ftp, error);
        if (tries === MAX_TRIES) return giveUp(lost);
      } finally {
        this.#giveBack(ftp);
      }
    }
  }

  /** Removes a lost session. Throws the error if the session is not lost, or if too many are. */
  #drop(ftp: FtpClient, error: unknown): NetError {
    const isLoss = error instanceof NetError && error.retryable && !ftp.open;
    if (!isLoss || !this.#canReplace || this.signal.aborted) throw error;
    for (const list of [this.#sessions, this.#idle]) {
      const at = list.indexOf(ftp);
      if (at === -1) continue;
      list.splice(at, 1);
      if (list === this.#sessions && ++this.#losses > MAX_LOSSES) throw error;
    }
    this.#loss = error;
    return error;
  }

  /** Takes an idle session, or opens one. */
  async #take(): Promise<FtpClient> {
    for (;;) {
      this.signal.throwIfAborted();
      const canOpen = this.#sessions.length + this.#opening < this.#most;
      const others = this.#idle.some((ftp) => ftp !== this.#sessions[0]);
      if (canOpen && !others) {
        const ftp = await this.#openMore();
        if (ftp !== undefined) return ftp;
      }
      const ftp = this.#idle.pop();
      if (ftp !== undefined) return ftp;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #giveBack(ftp: FtpClient): void {
    // The first session stays at the front, to be taken last.
    if (ftp === this.#sessions[0]) this.#idle.unshift(ftp);
    else if (this.#sessions.includes(ftp)) this.#idle.push(ftp);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #newFirst(): Promise<FtpClient> {
    const ftp = await this.#take();
    this.#giveBack(ftp);
    return this.#sessions[0] ?? ftp;
  }

  /** Opens one more session; undefined if that fails. The work is then done by fewer sessions. */
  async #openMore(): Promise<FtpClient | undefined> {
    this.#opening++;
    try {
      const { signal } = this;
      const ftp = await this.#first.duplicate({ signal });
      try {
        if (this.#home !== undefined) await ftp.cd(this.#home, { signal });
      } catch (error) {
        await ftp.close();
        throw error;
      }
      this.#sessions.push(ftp);
      return ftp;
    } catch (error) {
      // Another session may be on its way.
      const others = this.#sessions.length + this.#opening - 1;
      if (others === 0) throw this.#loss ?? error;
      if (!(error instanceof NetError)) throw error;
      this.#most = others;
      return undefined;
    } finally {
      this.#opening--;
      this.#wake();
    }
  }
}
