import type { InboxPolicy } from "./options.ts";

/**
 * A bounded queue between the network and one reader. The sender never waits: items that do not
 * fit are dropped and counted.
 */
export class DatagramInbox<T> {
  /** Number of dropped items. */
  dropped = 0;

  readonly #limit: number;
  readonly #policy: InboxPolicy;
  #items: T[] = [];
  #head = 0;
  #reader: PromiseWithResolvers<T | null> | null = null;
  #end: { error: unknown } | null = null;

  constructor(limit: number, policy: InboxPolicy) {
    this.#limit = limit;
    this.#policy = policy;
  }

  /** Number of queued items. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Hands an item to the reader or queues it. */
  put(item: T): void {
    if (this.#end !== null) return;
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      return reader.resolve(item);
    }
    if (this.size >= this.#limit) {
      this.dropped++;
      if (this.#policy === "drop-newest") return;
      this.#head++;
    }
    this.#items.push(item);
    if (this.#head > 256 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * Takes the next item, or null after the inbox has ended without an error. Only one reader may
   * wait at a time.
   */
  take(): Promise<T | null> {
    if (this.size > 0) {
      const item = this.#items[this.#head++]!;
      if (this.#head === this.#items.length) {
        this.#items = [];
        this.#head = 0;
      }
      return Promise.resolve(item);
    }
    if (this.#end !== null) {
      return this.#end.error === undefined
        ? Promise.resolve(null)
        : Promise.reject(this.#end.error);
    }
    if (this.#reader !== null) {
      return Promise.reject(new TypeError("Cannot receive: another receive has not ended"));
    }
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /**
   * Rejects the reader that got `pending` from {@linkcode take}. If an item has just been delivered
   * to it, the item goes back into the queue.
   */
  interrupt(pending: Promise<T | null>, error: unknown): void {
    const reader = this.#reader;
    if (reader?.promise === pending) {
      this.#reader = null;
      return reader.reject(error);
    }
    pending.then((item) => {
      if (item !== null) this.#items.splice(this.#head, 0, item);
    }, () => {});
  }

  /** Rejects the waiting reader. Returns false if there is none. The inbox stays open. */
  fail(error: unknown): boolean {
    const reader = this.#reader;
    this.#reader = null;
    reader?.reject(error);
    return reader !== null;
  }

  /** Ends the inbox. Queued items can still be taken; then readers get null or the error. */
  end(error?: unknown): void {
    this.#end ??= { error };
    const reader = this.#reader;
    this.#reader = null;
    if (error === undefined) reader?.resolve(null);
    else reader?.reject(error);
  }
}
