import { Alarm } from "./timer.ts";

/** The times after a datagram at which to look for an error: the first one, and the last one, in ms. */
const FIRST = 5;
const LAST = 2000;

/** The errors that the system notes for a connected socket. */
interface ErrorSource {
  /** Takes the error that was noted since the last call. */
  take(): Error | undefined;
  /** Is called before the socket is closed. */
  close(): void;
}

/**
 * Looks for errors that the peer's machine reports. Each is the answer to a datagram, so it looks after
 * each of them, at intervals that double.
 */
export class PeerErrors {
  readonly #source: ErrorSource;
  readonly #report: (error: Error) => void;
  readonly #alarm: Alarm;
  #next = FIRST;

  /** Takes the function that gets each error. */
  constructor(source: ErrorSource, report: (error: Error) => void) {
    this.#source = source;
    this.#report = report;
    this.#alarm = new Alarm(() => this.#lookAgain(), false);
  }

  /** Looks now. */
  look(): void {
    const error = this.#source.take();
    if (error !== undefined) this.#report(error);
  }

  /** Looks now and later, because a datagram was sent. */
  sent(): void {
    this.look();
    if (this.#next === FIRST && this.#alarm.running) return;
    this.#next = FIRST;
    this.#alarm.start(FIRST);
  }

  /** Stops looking. Call it before the socket is closed. */
  close(): void {
    this.#alarm.stop();
    this.#source.close();
  }

  #lookAgain(): void {
    this.look();
    this.#next *= 2;
    if (this.#next <= LAST) this.#alarm.start(this.#next);
  }
}
