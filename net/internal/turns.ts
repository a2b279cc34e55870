/** Runs pieces of work one after the other, in the order of the calls. Pure. */
export class Turns {
  /** The number of pieces that are queued and have not started, without patient ones. */
  queued = 0;
  /** Called when a piece is queued, unless it is patient. */
  onQueued: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Queues a piece of work, and counts it until it starts. */
  add<T>(work: () => Promise<T>): Promise<T> {
    this.queued++;
    this.onQueued?.();
    return this.#run(() => {
      this.queued--;
      return work();
    });
  }

  /**
   * Waits for a turn and keeps it.
   *
   * @param around Wraps the turn, for example to handle its failure.
   * @param isPatient Whether the piece does not count as queued while it waits.
   * @returns A function that gives the turn back, and resolves or rejects with the wrapper.
   */
  async hold(
    around: (turn: () => Promise<void>) => Promise<void>,
    isPatient = false,
  ): Promise<() => Promise<void>> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const work = () => around(() => (begin(), ended));
    const turn = isPatient ? this.#run(work) : this.add(work);
    await Promise.race([begun, turn]);
    return () => (end(), turn);
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
