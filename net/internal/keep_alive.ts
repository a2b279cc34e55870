import { MAX_TIMER } from "./options.ts";

/** Something harmless that is done whenever nothing else is for a while. */
export class KeepAlive {
  readonly #after: number;
  #work: (() => Promise<unknown>) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `after` so many milliseconds; 0 for never. */
  constructor(after: number) {
    this.#after = after;
  }

  /** What is done from now on. */
  begin(work: () => Promise<unknown>): void {
    this.#work = work;
    this.rest();
  }

  /** Nothing is done from now on: the time begins. */
  rest(): void {
    this.pause();
    const work = this.#work;
    if (work === undefined || this.#after === 0 || this.#after > MAX_TIMER) return;
    // Whoever comes next hears of it if it fails: the session is over then.
    this.#timer = setTimeout(() => void work().catch(() => {}), this.#after);
    Deno.unrefTimer(this.#timer);
  }

  /** Something is being done. */
  pause(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** It is over. */
  end(): void {
    this.#work = undefined;
    this.pause();
  }
}
